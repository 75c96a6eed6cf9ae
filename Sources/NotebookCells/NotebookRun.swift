import Foundation

/// One run of a script as a child process, and the notebook made of it.
struct NotebookRun {
  let script: String
  let output: String

  /// Runs the script and writes the notebook.
  /// - Returns: The script's exit status; 70 after a crash.
  func run() throws -> Int32 {
    let cells = try PercentScript(String(contentsOfFile: script, encoding: .utf8))
    var reader = OutputReader(cells)
    let (status, complaint) = try runChild(&reader)
    reader.finish(status == 0 ? nil : Self.error(status: status, complaint: complaint))
    try write(
      NotebookDocument(
        cells: cells.cells, outputs: reader.outputs, firstUnreached: status == 0 ? nil : reader.running + 1))
    return status
  }

  /// Runs this very program again, passing on what it writes.
  /// - Returns: Its exit status and what it wrote to standard error.
  private func runChild(_ reader: inout OutputReader) throws -> (status: Int32, complaint: String) {
    let child = Process()
    child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    child.arguments = Array(CommandLine.arguments.dropFirst())
    // A crash report would put the program's addresses, which differ from run to run, into the notebook.
    child.environment = ProcessInfo.processInfo.environment.merging(
      [CellMessage.variable: "1", "SWIFT_BACKTRACE": "enable=no"]
    ) { $1 }
    let output = Pipe()
    let errors = Pipe()
    child.standardOutput = output
    child.standardError = errors
    try child.run()
    let complaint = Complaint()
    let listener = Thread { complaint.listen(errors.fileHandleForReading) }
    listener.start()
    while case let piece = output.fileHandleForReading.availableData, !piece.isEmpty {
      FileHandle.standardOutput.write(reader.read(piece))
    }
    child.waitUntilExit()
    let crashed = child.terminationReason == .uncaughtSignal
    return (crashed ? 70 : child.terminationStatus, complaint.text())
  }

  private func write(_ notebook: NotebookDocument) throws {
    let url = URL(fileURLWithPath: output)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try notebook.data().write(to: url, options: .atomic)
    FileHandle.standardError.write(Data("\(output)\n".utf8))
  }

  /// The last line of the complaint is what Swift says about an error at the top level, or a crash; its prefix names a
  /// file of the standard library, which tells the reader nothing.
  static func error(status: Int32, complaint: String) -> CellOutput {
    let lines = complaint.split(separator: "\n").map(String.init)
    for line in lines.reversed() {
      for (sign, name) in [("Error raised at top level: ", "Error"), ("Fatal error: ", "Fatal error")] {
        if let range = line.range(of: sign) { return .error(name: name, message: String(line[range.upperBound...])) }
      }
    }
    return .error(name: "Exit status \(status)", message: lines.last ?? "the program ended without a word")
  }
}

/// What the script writes to standard error, read on a thread of its own. Unchecked, because the semaphore keeps the
/// two threads apart: one writes until it signals the end, and only then the other reads.
private final class Complaint: @unchecked Sendable {
  private var data = Data()
  private let end = DispatchSemaphore(value: 0)

  func listen(_ file: FileHandle) {
    while case let piece = file.availableData, !piece.isEmpty {
      FileHandle.standardError.write(piece)
      data.append(piece)
    }
    end.signal()
  }

  /// All of it, once it has ended.
  func text() -> String {
    end.wait()
    return String(decoding: data, as: UTF8.self)
  }
}
