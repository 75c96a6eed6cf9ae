import CarinaRuntime
import CarinaTensor

/// What the settings of the computation are.
public struct ComputingSettingList: SettingList {
  /// The declarations.
  public static let declared = ComputingSettingList()

  /// How weights are held; what it resolves to on this machine is recorded.
  public let precision = Setting(
    "precision", ComputingPrecision.automatic,
    help: "auto (bf16 where the device multiplies it at full speed), bf16 or fp32.")
  /// Where to compute; a run may go on on another device.
  public let device = Setting(
    "device", DeviceChoice.automatic,
    help: "Where to compute: cpu, cuda or cuda:N (an NVIDIA GPU), or auto, a GPU where one can be used.",
    record: .never)
  /// Which library multiplies; nil for the best that works.
  public let matmul = Setting<MatrixProductChoice?>(
    "matmul", nil,
    help:
      "Library for matrix products: openblas, onednn or amx (default: amx where the processor has it, onednn where it has not).",
    record: .never)
  /// Whether blocks run again in the backward pass instead of keeping their activations; nil where the forecast of
  /// memory decides.
  public let gradientCheckpointing = Setting<Bool?>(
    "gradient_checkpointing", nil,
    help:
      "Run blocks again in the backward pass instead of keeping their activations (default: where they do not fit).",
    section: .memory, record: .never)
  /// The most memory that the process is to take, in GiB; nil for what is available.
  public let memoryLimit = Setting<Double?>(
    "memory_limit", nil, .optional(SettingRange("a number of GiB above 0") { $0 > 0 && $0 < 1e6 }),
    help: "Most memory to plan for (default: what is available).", section: .memory, record: .never, valueName: "GiB")
}

extension ComputingPrecision: NotatedSettingValue {
  /// Reads `auto`, `bf16` or `fp32`, see `init(option:)`.
  /// - Throws: `CarinaError.usage`.
  public init(notation: String) throws { try self.init(option: notation) }

  /// What it is on this machine, which is what decides numbers.
  public var json: JSONValue { .string(elementType.rawValue) }
}
