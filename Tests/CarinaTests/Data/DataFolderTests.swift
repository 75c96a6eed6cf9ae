import Carina
import Foundation
import Testing

/// What `data/README.md` and the Makefile say of the archives that the adapters know.
@Suite struct DataFolderTests {
  private static func text(_ name: String) throws -> String {
    var package = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { package.deleteLastPathComponent() }
    return try String(contentsOf: package.appendingPathComponent(name), encoding: .utf8)
  }

  @Test("every published layout has its directory in data/README.md and its command in the Makefile")
  func layouts() throws {
    let (readme, makefile) = (try Self.text("data/README.md"), try Self.text("Makefile"))
    for format in SampleFormat.allCases where format != .carina {
      #expect(readme.contains("\n| `\(format.rawValue)` | "), "\(format)")
      #expect(readme.contains(" | `\(format.rawValue) --json "), "\(format)")
      #expect(makefile.contains("\nREAD_\(format.rawValue) = --json "), "\(format)")
    }
  }
}
