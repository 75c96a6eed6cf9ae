import CCUDA
import CarinaRuntime
import Foundation

/// Kernels, compiled once for a card and kept in files, by the source, the compiler, the driver and the card's capability.
// Unchecked: the lock guards everything that changes.
final class KernelCache: @unchecked Sendable {
  private let libraries: CUDALibraries
  private let architecture: String
  private let lock = NSLock()
  private var modules: [KernelName.Module: carina_cu_object] = [:]
  private var functions: [KernelName: carina_cu_object] = [:]
  /// The most dynamic shared memory that a function was prepared for.
  private var sharedBytes: [KernelName: Int] = [:]

  init(_ libraries: CUDALibraries, _ device: CUDADeviceInfo) {
    self.libraries = libraries
    // Hopper's warpgroup products are in the set of instructions that only this architecture has.
    architecture = "sm_\(device.major)\(device.minor)" + (device.isHopper ? "a" : "")
  }

  /// Where compiled kernels are kept: `$CARINA_KERNEL_CACHE`, or `carina/kernels` in the user's cache.
  static var directory: String {
    let environment = ProcessInfo.processInfo.environment
    if let given = environment["CARINA_KERNEL_CACHE"], !given.isEmpty { return given }
    let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? NSTemporaryDirectory()) + "/.cache"
    return cache + "/carina/kernels"
  }

  /// The function, loaded on the current context.
  /// - Throws: `CarinaError.internalFailure` where it does not compile or load.
  func function(_ kernel: KernelName, sharedBytes wanted: Int) throws -> carina_cu_object {
    try lock.withLock {
      let function = try functions[kernel] ?? load(kernel)
      if wanted > 48 << 10, wanted > sharedBytes[kernel] ?? 0 {
        let code = libraries.driver.cuFuncSetAttribute(function, 8, Int32(wanted))
        if code != 0 { throw CUDAErrors.failed("shared memory of \(kernel.function)", libraries.name(of: code)) }
        sharedBytes[kernel] = wanted
      }
      return function
    }
  }

  private func load(_ kernel: KernelName) throws -> carina_cu_object {
    let module = try modules[kernel.module] ?? load(kernel.module)
    var function: carina_cu_object?
    let code = libraries.driver.cuModuleGetFunction(&function, module, kernel.function)
    guard code == 0, let function else {
      throw CUDAErrors.failed("\(kernel.module.file).\(kernel.function)", libraries.name(of: code))
    }
    functions[kernel] = function
    return function
  }

  private func load(_ name: KernelName.Module) throws -> carina_cu_object {
    guard let source = KernelSources.text(name.file) else { throw CUDAErrors.compilation(name.file, "no such file") }
    let options = ["-arch=\(architecture)", "-std=c++17", "-default-device"] + name.defines.map { "-D\($0)" }
    let key = SHA256Digest.of(
      ([source, libraries.compilerVersion, "\(libraries.driverVersion)"] + options).joined(separator: "\u{0}"))
    let path = "\(KernelCache.directory)/\(name.file)-\(key.prefix(32)).cubin"
    if let kept = KernelCache.kept(at: path), let module = loaded(kept).module {
      modules[name] = module
      return module
    }
    let image = try compile(source, name.file, options)
    // A cache that cannot be written costs time, not the run.
    try? FileManager.default.createDirectory(atPath: KernelCache.directory, withIntermediateDirectories: true)
    try? AtomicFile.write(image + Data(SHA256Digest.of(image).utf8), to: path)
    let (code, module) = loaded(image)
    guard let module else { throw CUDAErrors.failed("loading \(name.file)", libraries.name(of: code)) }
    modules[name] = module
    return module
  }

  /// The machine code in a file, which its digest follows; nil where it was cut short or damaged: the driver would read on behind
  /// its end, so it is compiled anew like one that is not there.
  private static func kept(at path: String) -> Data? {
    guard let file = try? Data(contentsOf: URL(fileURLWithPath: path)), file.count > 64 else { return nil }
    let image = file.dropLast(64)
    return Data(SHA256Digest.of(image).utf8) == file.suffix(64) ? image : nil
  }

  private func loaded(_ image: Data) -> (code: Int32, module: carina_cu_object?) {
    var module: carina_cu_object?
    let code = image.withUnsafeBytes { libraries.driver.cuModuleLoadData(&module, $0.baseAddress) }
    return (code, code == 0 ? module : nil)
  }

  private func compile(_ source: String, _ name: String, _ options: [String]) throws -> Data {
    let compiler = libraries.compiler
    var program: carina_cu_object?
    guard compiler.nvrtcCreateProgram(&program, source, "\(name).cu", 0, nil, nil) == 0 else {
      throw CUDAErrors.compilation(name, "the program could not be made")
    }
    defer { _ = compiler.nvrtcDestroyProgram(&program) }
    let texts = options.map { strdup($0) }
    defer { for text in texts { free(text) } }
    let code = texts.map { UnsafePointer($0) }.withUnsafeBufferPointer {
      compiler.nvrtcCompileProgram(program, Int32($0.count), $0.baseAddress)
    }
    var count = 0
    guard code == 0 else {
      _ = compiler.nvrtcGetProgramLogSize(program, &count)
      var log = [CChar](repeating: 0, count: count + 1)
      _ = compiler.nvrtcGetProgramLog(program, &log)
      throw CUDAErrors.compilation(
        name, String(decoding: log.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
    _ = compiler.nvrtcGetCUBINSize(program, &count)
    var image = Data(count: count)
    image.withUnsafeMutableBytes { bytes in
      _ = compiler.nvrtcGetCUBIN(program, bytes.baseAddress?.assumingMemoryBound(to: CChar.self))
    }
    return image
  }
}
