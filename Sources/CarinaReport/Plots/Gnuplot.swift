import CarinaRuntime
import Foundation

/// The plotting program gnuplot, called as a process; it turns a script into an SVG drawing.
///
/// ```swift
/// let drawing = try Gnuplot().svg("plot sin(x)\n", width: 640, height: 300)
/// ```
public struct Gnuplot: Sendable {
  private let searchPath: String

  /// - Parameter searchPath: Directories to look for the program in, separated by colons; by default the environment's.
  public init(searchPath: String = ProcessInfo.processInfo.environment["PATH"] ?? "") {
    self.searchPath = searchPath
  }

  /// Draws a script.
  ///
  /// - Parameters:
  ///   - script: The commands, without terminal and output.
  ///   - width: Width of the drawing in its own units.
  ///   - height: Height of the drawing.
  /// - Returns: An `<svg>` element whose text and axes take the colour of the text around it, so that it can stand in a
  ///   light and in a dark page.
  /// - Throws: `CarinaError.missingInput` when gnuplot is not installed, `.internalFailure` with its words when it
  ///   refuses the script.
  public func svg(_ script: String, width: Int, height: Int) throws -> String {
    let program = try locate()
    let preamble =
      "set terminal svg size \(width),\(height) dynamic noenhanced font 'sans-serif,12'\nset encoding utf8\n"
    let input = try Self.input(preamble + script)

    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = ["-d", "/dev/stdin"]
    process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
    let (output, complaints) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = complaints
    process.standardInput = input
    do {
      try process.run()
    } catch {
      throw CarinaError(.missingInput, "gnuplot cannot be started: \(error.localizedDescription)", at: program)
    }
    let drawing = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaint = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0, let start = drawing.range(of: "<svg") else {
      let lines = complaint.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter {
        !$0.isEmpty
      }
      throw CarinaError(.internalFailure, "gnuplot refused a script: \(lines.last ?? "without a word")", at: program)
    }
    return Self.themed(String(drawing[start.lowerBound...]))
  }

  /// A text as a constant of gnuplot's language.
  public static func quoted(_ text: String) -> String {
    "'"
      + DisplayedText.of(text, keepingLines: true).replacingOccurrences(of: "'", with: "''").replacingOccurrences(
        of: "\n", with: " ") + "'"
  }

  /// A text to be read from its start, in a file that no killed process leaves behind.
  private static func input(_ text: String) throws -> FileHandle {
    let directory = NSTemporaryDirectory()
    var descriptor = NamelessFile.open(in: directory)
    if descriptor < 0 {
      let path = directory + "/carina-\(UUID().uuidString).gnuplot"
      descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      unlink(path)
    }
    guard descriptor >= 0 else { throw WriteFailure.error(directory, "a script cannot be written") }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    do {
      try file.write(contentsOf: Data(text.utf8))
      try file.seek(toOffset: 0)
    } catch {
      throw CarinaError(
        .cannotWrite, "a script cannot be written: \(error.localizedDescription)", at: directory,
        remedy: "Check the free space.")
    }
    return file
  }

  private func locate() throws -> String {
    for directory in searchPath.split(separator: ":") {
      let path = "\(directory)/gnuplot"
      if FileManager.default.isExecutableFile(atPath: path) { return path }
    }
    throw CarinaError(
      .missingInput, "gnuplot is not installed", remedy: "Install it, on Debian with: apt-get install gnuplot-nox")
  }

  private static func themed(_ drawing: String) -> String {
    var drawing = drawing
    for (black, current) in [
      ("color=\"black\"", ""), ("stroke='black'", "stroke='currentColor'"),
      ("stroke=\"black\"", "stroke=\"currentColor\""), ("fill=\"black\"", "fill=\"currentColor\""),
      ("fill='black'", "fill='currentColor'"), ("<title>Gnuplot</title>\n", ""),
    ] { drawing = drawing.replacingOccurrences(of: black, with: current) }
    // The version of the program that drew is no part of the result.
    if let start = drawing.range(of: "<desc>"), let end = drawing.range(of: "</desc>\n") {
      drawing.removeSubrange(start.lowerBound..<end.upperBound)
    }
    return drawing
  }
}
