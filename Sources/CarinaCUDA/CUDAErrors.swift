import CarinaRuntime

/// What can be wrong with a card and what serves it, in words.
enum CUDAErrors {
  static func missingLibrary(_ report: String, isDriver: Bool, lookedIn directories: [String]) -> CarinaError {
    CarinaError(
      .usage, isDriver ? "no NVIDIA driver (\(report))" : report, at: directories.joined(separator: ":"),
      remedy: isDriver
        ? "Install NVIDIA's driver, or compute on the processor."
        : "Give its directory in \(CUDALibraries.directoryVariable).")
  }

  static func noDevice(reason: String) -> CarinaError {
    CarinaError(.usage, "the NVIDIA driver finds no card", found: reason, remedy: "Compute on the processor.")
  }

  static func oldDriver(found: Int, needed: Int) -> CarinaError {
    func text(_ version: Int) -> String { "CUDA \(version / 1000).\(version % 1000 / 10)" }
    return CarinaError(
      .usage, "the NVIDIA driver is too old", expected: "one for \(text(needed)) or later", found: text(found),
      remedy: "Install a newer driver.")
  }

  static func noSuchDevice(_ index: Int, count: Int) -> CarinaError {
    CarinaError(.usage, "there is no CUDA device \(index)", expected: "one below \(count)")
  }

  static func noBFloat16(_ device: CUDADeviceInfo) -> CarinaError {
    CarinaError(
      .usage, "\(device.name) has no products of bfloat16", expected: "compute capability 8.0 or later",
      found: device.capability, remedy: "Use fp32.")
  }

  static func outOfMemory(wanted: Int, free: Int, inUse: Int) -> CarinaError {
    CarinaError(
      .usage, "the card has no memory left", expected: "\(wanted) bytes",
      found: "\(free) bytes free besides \(inUse) bytes in use",
      remedy: "Free the card of other programs, or take smaller batches.")
  }

  static func failed(_ operation: String, _ name: String) -> CarinaError {
    CarinaError(
      .internalFailure, "CUDA reported \(name)", at: operation, remedy: "The last checkpoint stands: resume from it.")
  }

  static func compilation(_ file: String, _ log: String) -> CarinaError {
    CarinaError(.internalFailure, "NVRTC could not compile a kernel: \(log)", at: file)
  }
}
