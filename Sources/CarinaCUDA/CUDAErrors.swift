import CarinaRuntime
import CarinaTensor

/// What can be wrong with the driver, the libraries, a card or its memory, each with what to do about it.
enum CUDAErrors {
  private static let processor = "use \(setting: .device) cpu."

  /// A library is nowhere, or lacks a function.
  /// - Parameters:
  ///   - report: `libcuda.so.1 was not found`, `libnvrtc.so.13 has no function …`.
  ///   - isDriver: whether it is the driver's own.
  ///   - directories: where it was looked for before the system's own search.
  static func missingLibrary(_ report: String, isDriver: Bool, lookedIn directories: [String]) -> CarinaError {
    let places = directories.joined(separator: ", ")
    guard isDriver else {
      return CarinaError(
        .usage, "\(report) in \(places), nor where the system looks",
        remedy: "Install NVRTC and cuBLASLt of CUDA 12 or 13 (pip: nvidia-cuda-nvrtc and nvidia-cublas for 13, "
          + "nvidia-cuda-nvrtc-cu12 and nvidia-cublas-cu12 for 12) and put both into the directory that "
          + "\(CUDALibraries.directoryVariable) names, or \(processor)")
    }
    return CarinaError(.usage, "no NVIDIA driver (\(report))", remedy: "Install the driver of the GPU, or \(processor)")
  }

  /// The driver does not start, or knows no card.
  /// - Parameter reason: `CUDA_ERROR_…`, or words.
  static func noDevice(reason: String) -> CarinaError {
    CarinaError(
      .usage, "the NVIDIA driver finds no GPU (\(reason))",
      remedy: (hint(reason) ?? "Look at nvidia-smi and CUDA_VISIBLE_DEVICES") + ", or \(processor)")
  }

  /// The driver is older than what the backend is written against.
  /// - Parameters:
  ///   - found: 1000 · major + 10 · minor of the CUDA version that the driver knows.
  ///   - needed: the oldest that will do.
  static func oldDriver(found: Int, needed: Int) -> CarinaError {
    func text(_ version: Int) -> String { "CUDA \(version / 1000).\(version % 1000 / 10)" }
    return CarinaError(
      .usage, "the NVIDIA driver is too old", expected: "one for \(text(needed)) or later", found: text(found),
      remedy: "Install a driver of version 525 or later, or \(processor)")
  }

  /// There is no card of this number.
  static func noSuchDevice(_ index: Int, count: Int) -> CarinaError {
    CarinaError(
      .usage, "there is no GPU of number \(index)",
      expected: count == 1 ? "cuda:0, the only one" : "cuda:0 to cuda:\(count - 1)", found: "cuda:\(index)",
      remedy: "CUDA_VISIBLE_DEVICES hides GPUs and numbers the others anew.")
  }

  /// A card that multiplies no bf16 is asked to.
  static func noBFloat16(_ device: CUDADeviceInfo) -> CarinaError {
    CarinaError(
      .usage, "the GPU does not multiply bf16", at: "cuda:\(device.index) \(device.name)",
      expected: "compute capability 8.0 or later", found: device.capability,
      remedy: "Use \(setting: SettingName("precision")) fp32, or \(processor)")
  }

  /// A card cannot be opened, which is where memory that others hold is noticed first.
  /// - Parameter name: `CUDA_ERROR_…`.
  static func unopened(_ device: CUDADeviceInfo, _ name: String) -> CarinaError {
    let isFull = name == "CUDA_ERROR_OUT_OF_MEMORY"
    let advice = isFull ? "Other processes hold its memory, nvidia-smi lists them: wait until they end" : hint(name)
    return CarinaError(
      .usage, isFull ? "the GPU has no memory left" : "the GPU cannot be opened (\(name))",
      at: "cuda:\(device.index) \(device.name)",
      remedy: (advice ?? "Look at nvidia-smi") + ", or \(processor)")
  }

  /// Memory was asked for that is not there.
  /// - Parameters:
  ///   - wanted: bytes asked for.
  ///   - free: bytes that are free on the card.
  ///   - inUse: bytes that this process has in tensors.
  ///   - total: bytes of the card.
  static func outOfMemory(wanted: Int, free: Int, inUse: Int, total: Int) -> CarinaError {
    // Beside the tensors lie the context, the kernels and idle blocks of the pool.
    let others = total - free - inUse
    let isCrowded = others > total / 8
    return CarinaError(
      .usage, "the memory of the GPU is used up", expected: "\(bytes(wanted)) more",
      found: "\(bytes(free)) free of \(bytes(total)), with \(bytes(inUse)) in this program's tensors",
      remedy: (isCrowded ? "Other programs may hold \(bytes(others)) of it, see nvidia-smi; wait until they end. " : "")
        + "Smaller batches, \(setting: SettingName("gradient_checkpointing")) and another \(setting: .device) would help. "
        + standing)
  }

  /// The card, or a library for it, reported an error from which nothing goes on.
  /// - Parameters:
  ///   - operation: at what it was noticed; the cause may lie earlier.
  ///   - name: `CUDA_ERROR_…`, or cuBLASLt's status.
  static func failed(_ operation: String, _ name: String) -> CarinaError {
    CarinaError(
      .internalFailure, "the GPU failed with \(name), noticed at \(operation)",
      remedy: (hint(name).map { $0 + ". " } ?? "") + standing)
  }

  /// NVRTC refuses a kernel.
  /// - Parameter log: what it says.
  static func compilation(_ file: String, _ log: String) -> CarinaError {
    CarinaError(
      .internalFailure, "the kernels of \(file).cu cannot be compiled for this GPU", found: log,
      remedy:
        "Take NVRTC of another version through \(CUDALibraries.directoryVariable), or \(processor) Please report it.")
  }

  private static let standing =
    "What was written stands: the same command goes on from a training run's last checkpoint, and after the last answers "
    + "of an evaluation."

  /// What an error of the driver usually means, and where to look; nil where its name says all that is known.
  private static func hint(_ name: String) -> String? {
    switch name {
    case "CUDA_ERROR_NO_DEVICE": "Look at nvidia-smi and CUDA_VISIBLE_DEVICES"
    case "CUDA_ERROR_DEVICE_UNAVAILABLE": "Another process holds the GPU for itself, nvidia-smi lists it"
    case "CUDA_ERROR_ECC_UNCORRECTABLE", "CUDA_ERROR_NVLINK_UNCORRECTABLE", "CUDA_ERROR_HARDWARE_STACK_ERROR":
      "The hardware has an error, see nvidia-smi -q"
    case "CUDA_ERROR_SYSTEM_NOT_READY": "The machine's fabric manager has to be started"
    case "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE":
      "The kernel's driver and libcuda.so.1 are of different versions: start the machine again, or install one of them anew"
    case "CUDA_ERROR_UNKNOWN", "CUDA_ERROR_LAUNCH_FAILED", "CUDA_ERROR_ILLEGAL_ADDRESS", "CUDA_ERROR_DEINITIALIZED",
      "CUDA_ERROR_CONTEXT_IS_DESTROYED":
      "The GPU was lost, or this is an error in the program: dmesg | grep NVRM tells which"
    default: nil
    }
  }

  private static func bytes(_ count: Int) -> String {
    let (value, name) =
      count >= 1 << 30
      ? (Double(count) / 0x1p30, "GiB")
      : count >= 1 << 20 ? (Double(count) / 0x1p20, "MiB") : (Double(count) / 0x1p10, "KiB")
    return "\((value * 10).rounded() / 10) \(name)"
  }
}

extension CUDADeviceInfo {
  /// Whether it multiplies bf16.
  public var hasBFloat16: Bool { major >= 8 }
  /// The refusal of bf16 on a card that does not multiply it.
  public var noBFloat16: CarinaError { CUDAErrors.noBFloat16(self) }
}

extension CUDASurvey {
  /// Why no card can be used, as a clause; nil where one can.
  public var reason: String? {
    guard let missing else { return nil }
    return missing.what + (missing.found.map { ": it has \($0)" } ?? "")
  }

  /// The card of this number.
  /// - Throws: `CarinaError.usage` with the reason why there is none.
  public func card(_ index: Int) throws -> CUDADeviceInfo {
    if let missing {
      throw CarinaError(
        .usage, "\(setting: .device) cuda:\(index) cannot be used: \(missing.what)", expected: missing.expected,
        found: missing.found, remedy: missing.remedy)
    }
    guard devices.indices.contains(index) else { throw CUDAErrors.noSuchDevice(index, count: devices.count) }
    return devices[index]
  }
}
