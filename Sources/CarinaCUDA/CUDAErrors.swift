import CarinaRuntime
import CarinaTensor

/// What can be wrong with a driver, a library, a card or its memory, each with what to do about it.
enum CUDAErrors {
  /// The oldest driver interface that the backend works with, as `cuDriverGetVersion` counts: 12.0.
  static let oldestDriver = 12_000

  // What a survey says of a machine without a card that can be used; `CUDASurvey.card` makes errors of it.

  /// There is no driver.
  /// - Parameter searched: files that were tried.
  static func noDriver(searched: [String] = ["libcuda.so.1"]) -> String {
    "no NVIDIA driver (\(searched.joined(separator: ", ")) was not found)"
  }

  /// The driver answers, and knows no card.
  static let noCard = "the NVIDIA driver finds no GPU"

  /// The driver is older than what the backend is written against.
  /// - Parameter version: what `cuDriverGetVersion` says, 1000 · major + 10 · minor.
  static func oldDriver(_ version: Int) -> String {
    "the NVIDIA driver is too old: it knows CUDA \(text(version)), and \(text(oldestDriver)) or later is needed"
  }

  /// A library is nowhere.
  /// - Parameters:
  ///   - library: its name in words, "cuBLASLt".
  ///   - searched: where it was looked for, in this order.
  static func noLibrary(_ library: Library, searched: [String]) -> String {
    "\(library.words) (\(library.file)) was not found in \(searched.joined(separator: ", "))"
  }

  /// A library is there and lacks a function.
  static func noFunction(_ function: String, in path: String) -> String { "\(path) has no function \(function)" }

  /// The driver does not start.
  static func noStart(_ failure: CUDAFailure) -> String {
    "the NVIDIA driver does not start: \(failure.words)" + (failure.hint.map { " (\($0))" } ?? "")
  }

  /// A version as NVIDIA writes it.
  static func text(_ version: Int) -> String { "\(version / 1000).\(version % 1000 / 10)" }

  // Errors.

  /// A card cannot be used for the reason that a survey gives.
  static func unusable(_ index: Int, _ reason: String) -> CarinaError {
    CarinaError(
      .usage, "\(setting: .device) cuda:\(index) cannot be used: \(reason)", remedy: remedy(reason))
  }

  /// There is no card of this number.
  static func noDevice(_ index: Int, among devices: [CUDADeviceInfo]) -> CarinaError {
    CarinaError(
      .usage, "\(setting: .device) cuda:\(index) is not there",
      expected: devices.count == 1 ? "cuda:0, the only GPU" : "cuda:0 to cuda:\(devices.count - 1)",
      found: "\(devices.count) GPU\(devices.count == 1 ? "" : "s"), "
        + devices.map { "cuda:\($0.index) \($0.name)" }.joined(separator: ", "),
      remedy: "CUDA_VISIBLE_DEVICES hides GPUs and numbers the others anew.")
  }

  /// A card that multiplies no bf16 is asked to.
  static func noBFloat16(_ device: CUDADeviceInfo) -> CarinaError {
    CarinaError(
      .usage, "the GPU does not multiply bf16", at: "cuda:\(device.index) \(device.name)",
      expected: "compute capability 8.0 or later", found: device.capabilityText,
      remedy: "Use \(setting: precision) fp32, or \(setting: .device) cpu.")
  }

  /// A card is older than what the kernels are written for.
  static func oldCard(_ device: CUDADeviceInfo, needed: (major: Int, minor: Int)) -> CarinaError {
    CarinaError(
      .usage, "the GPU is too old for the kernels", at: "cuda:\(device.index) \(device.name)",
      expected: "compute capability \(needed.major).\(needed.minor) or later", found: device.capabilityText,
      remedy: "Use \(setting: .device) cpu.")
  }

  /// Memory was asked for that is not there.
  /// - Parameters:
  ///   - wanted: bytes asked for.
  ///   - own: bytes that this process holds.
  ///   - free: bytes that are free on the card.
  ///   - total: bytes of the card.
  static func noMemory(_ device: String, wanted: Int, own: Int, free: Int, total: Int) -> CarinaError {
    let others = max(0, total - free - own)
    let isCrowded = others > total / 20 && wanted <= free + others
    let remedy =
      isCrowded
      ? "Other processes hold \(bytes(others)) of it (nvidia-smi lists them): wait until they end, or choose another GPU "
        + "with \(setting: .device)."
      : "Lower \(setting: SettingName("batch_size")), add \(setting: SettingName("gradient_checkpointing")), or use a GPU "
        + "with more memory."
    return CarinaError(
      .usage, "the memory of the GPU is used up", at: device, expected: "\(bytes(wanted)) more",
      found: "\(bytes(free)) free of \(bytes(total)), \(bytes(own)) of it this program's", remedy: remedy)
  }

  /// An operation failed in a way that leaves nothing of the process's work on the card.
  /// - Parameter operation: what was done when it was noticed, "waiting for the GPU"; the cause may lie earlier.
  static func lost(_ failure: CUDAFailure, _ device: String, operation: String) -> CarinaError {
    CarinaError(
      .internalFailure, "the GPU failed: \(failure.words), noticed at \(operation)", at: device,
      remedy: (failure.hint.map { $0.prefix(1).uppercased() + $0.dropFirst() + ". " } ?? "")
        + "What was written before is whole: the same command goes on from the last checkpoint of a training run, and "
        + "after the last answers of an evaluation.")
  }

  /// The compiler of kernels refuses one.
  /// - Parameter log: what it says.
  static func kernel(_ name: String, _ device: String, log: String) -> CarinaError {
    CarinaError(
      .internalFailure, "the kernels in \(name) cannot be compiled", at: device, found: log,
      remedy: "This is an error in the program, or NVRTC is of another version than the driver; please report it.")
  }

  /// cuBLASLt refuses a product.
  /// - Parameters:
  ///   - status: its `cublasStatus_t`.
  ///   - shape: the product in words, "640 × 1152 by 6912, bfloat16".
  static func product(status: Int, shape: String, _ device: String) -> CarinaError {
    CarinaError(
      .internalFailure, "cuBLASLt does not multiply \(shape)", at: device, found: "status \(status)",
      remedy: "Please report it; \(setting: .device) cpu multiplies it.")
  }

  /// A library that the backend opens at run time.
  enum Library: String, CaseIterable {
    /// The driver.
    case driver = "libcuda.so.1"
    /// The compiler of kernels.
    case compiler = "libnvrtc.so"
    /// The products of matrices.
    case products = "libcublasLt.so"

    /// What people call it.
    var words: String {
      switch self {
      case .driver: "the NVIDIA driver"
      case .compiler: "NVRTC"
      case .products: "cuBLASLt"
      }
    }

    /// Its file.
    var file: String { rawValue }
  }

  private static let precision = SettingName("precision")

  private static func remedy(_ reason: String) -> String {
    let other = "or use \(setting: .device) cpu."
    if reason.contains(Library.compiler.file) || reason.contains(Library.products.file) {
      return "Install the CUDA libraries of version 12 or 13 (pip: nvidia-cuda-nvrtc and nvidia-cublas, with -cu12 at the "
        + "end for 12) and name their directory in CARINA_CUDA_LIBRARIES, \(other)"
    }
    if reason.contains("too old") { return "Install a driver of version 525 or later, \(other)" }
    if reason.contains("finds no GPU") { return "Look at nvidia-smi and CUDA_VISIBLE_DEVICES, \(other)" }
    if reason.contains("does not start") { return "Look at nvidia-smi, \(other)" }
    return "Install the NVIDIA driver of the GPU, \(other)"
  }

  /// Bytes in words.
  static func bytes(_ count: Int) -> String {
    let (value, name) = count >= 1 << 30 ? (Double(count) / 0x1p30, "GiB") : (Double(count) / 0x1p20, "MiB")
    return "\((value * 10).rounded() / 10) \(name)"
  }
}

/// What a function of the driver answered instead of success.
struct CUDAFailure: Equatable, Sendable {
  /// The `CUresult`.
  let code: Int
  /// `CUDA_ERROR_…`, as `cuGetErrorName` says.
  let name: String

  /// For a message.
  var words: String { "\(name) (\(code))" }

  /// Whether there was no memory, which the next call may have again.
  var isMemory: Bool { code == 2 }

  /// Whether the context answers every later call in the same way, so that nothing on the card can be used any more.
  var isSticky: Bool { !Self.passing.contains(code) }

  // CUDA_ERROR_INVALID_VALUE, OUT_OF_MEMORY, NOT_FOUND, NOT_READY, NOT_SUPPORTED: the context goes on.
  private static let passing: Set<Int> = [0, 1, 2, 500, 600, 801]

  /// What it usually means; nil where the name says it.
  var hint: String? {
    switch code {
    case 46: "another process holds the GPU for itself"
    case 100: "no GPU is visible"
    case 214, 220: "the GPU reports an error of its hardware, see nvidia-smi -q"
    case 700, 714...719: "a kernel did what it must not, or the GPU was lost; dmesg | grep NVRM tells which"
    case 802: "the fabric manager of the machine has to run"
    case 803, 804: "the driver in the kernel and libcuda.so.1 are of different versions"
    case 999: "the GPU was lost; dmesg | grep NVRM tells why"
    default: nil
    }
  }
}

extension CUDADeviceInfo {
  /// Whether it multiplies bf16.
  public var hasBFloat16: Bool { capability.major >= 8 }
  /// The refusal of bf16 on a card that does not multiply it.
  public var noBFloat16: CarinaError { CUDAErrors.noBFloat16(self) }
  /// For messages.
  var capabilityText: String { "compute capability \(capability.major).\(capability.minor)" }
}

extension CUDASurvey {
  /// The card of this number.
  /// - Throws: `CarinaError.usage` with the reason why there is none.
  public func card(_ index: Int) throws -> CUDADeviceInfo {
    if let missing { throw CUDAErrors.unusable(index, missing) }
    guard let device = devices.first(where: { $0.index == index }) else {
      throw CUDAErrors.noDevice(index, among: devices)
    }
    return device
  }
}
