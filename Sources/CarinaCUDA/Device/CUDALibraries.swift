import CCUDA
import CarinaRuntime
import Foundation

/// The driver, NVRTC and cuBLASLt, opened once for the process.
// Unchecked: constant after it was made.
final class CUDALibraries: @unchecked Sendable {
  /// The functions of all three.
  let functions: UnsafeMutablePointer<carina_cuda_libraries>
  /// CUDA's version that the driver speaks, as 1000 · major + 10 · minor.
  let driverVersion: Int
  /// NVRTC's version.
  let compilerVersion: String

  /// The environment variable with the directory in which libraries are looked for first.
  static let directoryVariable = "CARINA_CUDA_LIBRARIES"
  /// The oldest driver that has every function: CUDA 12.0.
  static let oldestDriver = 12_000

  /// The libraries, or why there are none.
  static let opened: Result<CUDALibraries, CarinaError> = {
    do { return .success(try CUDALibraries()) } catch let error as CarinaError { return .failure(error) } catch {
      return .failure(CarinaError(.internalFailure, "\(error)"))
    }
  }()

  /// Where libraries are looked for before the system's own search.
  static var directories: [String] {
    let environment = ProcessInfo.processInfo.environment
    return (environment[directoryVariable].map { [$0] } ?? [])
      + ["CUDA_HOME", "CUDA_PATH"].compactMap { environment[$0].map { $0 + "/lib64" } } + ["/usr/local/cuda/lib64"]
  }

  private init() throws {
    functions = .allocate(capacity: 1)
    functions.initialize(to: carina_cuda_libraries())
    try CUDALibraries.open(0, into: functions)
    var version: Int32 = 0
    let code = functions.pointee.driver.cuInit(0)
    if code != 0 { throw CUDAErrors.noDevice(reason: CUDALibraries.name(of: code, functions)) }
    _ = functions.pointee.driver.cuDriverGetVersion(&version)
    driverVersion = Int(version)
    guard driverVersion >= CUDALibraries.oldestDriver else {
      throw CUDAErrors.oldDriver(found: driverVersion, needed: CUDALibraries.oldestDriver)
    }
    try CUDALibraries.open(1, into: functions)
    try CUDALibraries.open(2, into: functions)
    var major: Int32 = 0, minor: Int32 = 0
    _ = functions.pointee.nvrtc.nvrtcVersion(&major, &minor)
    compilerVersion = "\(major).\(minor)"
  }

  private static func open(_ which: Int32, into functions: UnsafeMutablePointer<carina_cuda_libraries>) throws {
    let paths = directories.map { strdup($0) }
    defer { for path in paths { free(path) } }
    var report = [CChar](repeating: 0, count: 200)
    let code = paths.map { UnsafePointer($0) }.withUnsafeBufferPointer {
      carina_cuda_open(functions, which, $0.baseAddress, Int32($0.count), &report, report.count)
    }
    if code != 0 {
      let text = String(decoding: report.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      throw CUDAErrors.missingLibrary(text, isDriver: which == 0, lookedIn: directories)
    }
  }

  /// The driver's name for an error.
  static func name(of code: Int32, _ functions: UnsafeMutablePointer<carina_cuda_libraries>) -> String {
    var name: UnsafePointer<CChar>?
    guard functions.pointee.driver.cuGetErrorName(code, &name) == 0, let name else { return "error \(code)" }
    return String(cString: name)
  }

  /// See `carina_cuda_driver`.
  var driver: carina_cuda_driver { _read { yield functions.pointee.driver } }
  /// See `carina_nvrtc`.
  var compiler: carina_nvrtc { _read { yield functions.pointee.nvrtc } }
  /// cuBLASLt's functions, as C code takes them.
  var products: UnsafePointer<carina_cublaslt> {
    // The third member of a structure in memory that is never freed.
    UnsafeRawPointer(functions).advanced(by: MemoryLayout<carina_cuda_libraries>.offset(of: \.cublaslt) ?? 0)
      .assumingMemoryBound(to: carina_cublaslt.self)
  }

  /// The driver's name for an error.
  func name(of code: Int32) -> String { CUDALibraries.name(of: code, functions) }
}
