import Foundation

/// Takes a running script's standard output apart into printed text and messages, and gives each to its cell.
///
/// Cells run in their order. A message whose line lies in an earlier cell than one already seen therefore comes from a
/// function defined there and called later: it belongs to the cell that is running.
struct OutputReader {
  private let script: PercentScript
  private var framed: [UInt8] = []
  private var printed: [UInt8] = []
  private var isInFrame = false

  /// The outputs by cell.
  private(set) var outputs: [Int: [CellOutput]] = [:]
  /// The cell that is running: the first cell of code until another is heard of.
  private(set) var running: Int

  init(_ script: PercentScript) {
    self.script = script
    running = script.cells.firstIndex { $0.kind == .code } ?? 0
  }

  /// Takes in the next bytes.
  /// - Returns: Those of them that are printed text.
  mutating func read(_ bytes: Data) -> Data {
    var text = Data()
    for byte in bytes {
      if byte == CellMessage.frame {
        if isInFrame { take() }
        isInFrame.toggle()
      } else if isInFrame {
        framed.append(byte)
      } else {
        text.append(byte)
        printed.append(byte)
      }
    }
    return text
  }

  /// Ends the output, with an error if the script failed.
  mutating func finish(_ error: CellOutput?) {
    takeText()
    if let error { outputs[running, default: []].append(error) }
  }

  private mutating func take() {
    takeText()
    defer { framed = [] }
    guard let message = try? JSONDecoder().decode(CellMessage.self, from: Data(framed)) else { return }
    if let cell = script.cell(atLine: message.line) { running = max(running, cell) }
    if let display = message.display { outputs[running, default: []].append(.display(display)) }
  }

  private mutating func takeText() {
    guard !printed.isEmpty else { return }
    outputs[running, default: []].append(.text(String(decoding: printed, as: UTF8.self)))
    printed = []
  }
}
