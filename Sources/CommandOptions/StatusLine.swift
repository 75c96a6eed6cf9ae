import Carina
import Foundation

/// A line on stderr: rewritten in place on a terminal and cut to its width, a line of its own each time elsewhere.
final class StatusLine {
  /// Whether stderr is a terminal.
  let isOnTerminal = isatty(2) == 1
  private var isOpen = false

  /// Shows a text.
  func show(_ text: String) {
    let text = DisplayedText.of(text)
    guard isOnTerminal else {
      writeToStandardError(text + "\n")
      return
    }
    writeToStandardError("\r\u{1b}[K" + text.prefix(max(20, columns - 1)))
    isOpen = true
  }

  /// Ends the line.
  func end() {
    if isOpen { writeToStandardError("\n") }
    isOpen = false
  }

  private var columns: Int {
    var size = winsize()
    return ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 120
  }
}
