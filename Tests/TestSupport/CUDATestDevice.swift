import Carina
import Foundation

/// The card that tests compute on: a real one, or the emulation on the processor (`Tests/CUDAEmulation`) where a compiler of C++ is
/// at hand.
public enum CUDATestDevice {
  /// Whether a card was found, and otherwise why not.
  public static let survey: CUDASurvey = {
    if ProcessInfo.processInfo.environment["CARINA_CUDA_LIBRARIES"] == nil, !hasDriver, let emulation {
      setenv("CARINA_CUDA_LIBRARIES", emulation, 1)
    }
    return CUDASurvey()
  }()

  /// Whether there is one.
  public static var isPresent: Bool { survey.missing == nil }
  /// Whether it is a real one.
  public static var isReal: Bool { hasDriver && isPresent }
  /// The reason for which tests are skipped.
  public static var reason: String { survey.missing?.description ?? "" }

  private static var hasDriver: Bool {
    guard let library = dlopen("libcuda.so.1", RTLD_LAZY) else { return false }
    dlclose(library)
    return true
  }

  /// The directory of the emulated libraries, built once for their sources; nil where they cannot be.
  public static let emulation: String? = {
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("CUDAEmulation")
    let script = sources.appendingPathComponent("build.sh").path
    guard FileManager.default.fileExists(atPath: script) else { return nil }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: sources.path))?.sorted() ?? []
    let texts = names.compactMap { try? Data(contentsOf: sources.appendingPathComponent($0)) }
    let digest = SHA256Digest.of(texts.reduce(Data(), +))
    let directory = NSTemporaryDirectory() + "carina-cuda-emulation-\(digest.prefix(16))"
    if FileManager.default.fileExists(atPath: directory + "/libcublasLt.so.13") { return directory }
    let fresh = directory + ".\(ProcessInfo.processInfo.processIdentifier)"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [script, fresh]
    process.standardOutput = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    try? FileManager.default.moveItem(atPath: fresh, toPath: directory)
    return FileManager.default.fileExists(atPath: directory) ? directory : nil
  }()
}
