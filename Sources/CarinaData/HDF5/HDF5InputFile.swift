import CarinaRuntime
import Foundation

/// An HDF5 file that is open for reading: its structure as a survey found it, its bytes read from where they lie.
/// What does not hold what it should is `CarinaError.badData`. Safe to use from several threads.
package final class HDF5InputFile: Sendable {
  package let path: String
  /// The file's size when it was opened.
  let byteCount: Int
  let descriptor: Int32
  private let structure: HDF5Structure

  private init(_ path: String, _ descriptor: Int32, _ byteCount: Int, _ structure: HDF5Structure) {
    (self.path, self.descriptor, self.byteCount, self.structure) = (path, descriptor, byteCount, structure)
  }

  deinit { close(descriptor) }

  /// Opens files, all of them by one survey.
  /// - Throws: `CarinaError.missingInput` when there is no such file, `.badData` when it is no whole HDF5 file.
  package static func open(_ paths: [String], _ request: HDF5Request) throws -> [HDF5InputFile] {
    var files: [(descriptor: Int32, path: String, byteCount: Int)] = []
    do {
      for path in paths {
        let (descriptor, size) = try ReadableFile.open(path)
        files.append((descriptor, path, size))
      }
      let structures = try HDF5Survey.of(files, request)
      return zip(files, structures).map { HDF5InputFile($0.path, $0.descriptor, $0.byteCount, $1) }
    } catch {
      for file in files { close(file.descriptor) }
      throw error
    }
  }

  /// A text attribute of the root.
  package func textAttribute(_ name: String) throws -> String {
    guard case .text(let text) = structure.attributes[name] else {
      throw bad("the attribute \"\(name)\" is missing or is no text")
    }
    return text
  }

  /// An integer attribute of the root.
  package func integerAttribute(_ name: String) throws -> Int {
    guard case .integer(let value) = structure.attributes[name] else {
      throw bad("the attribute \"\(name)\" is missing or is no integer")
    }
    return Int(value)
  }

  /// A dataset that was asked for.
  package func dataset(_ name: String) throws -> HDF5Dataset {
    guard let dataset = structure.datasets[name] else { throw bad("the dataset \(name) is missing or unreadable") }
    return HDF5Dataset(file: self, name: name, structure: dataset)
  }

  /// All texts of a dataset of texts of any length.
  func texts(_ name: String) throws -> TextColumn {
    guard let texts = try dataset(name).structure.texts else {
      throw bad("\(name) has another rank or type, or cannot be read", expected: "a list of texts")
    }
    return texts
  }

  /// All values of a dataset of integers.
  func integers(_ name: String) throws -> [Int32] {
    guard let values = try dataset(name).structure.integers else {
      throw bad("\(name) has another rank or type, or cannot be read", expected: "a list of integers")
    }
    return values
  }

  package func bad(_ what: String, expected: String? = nil, found: String? = nil) -> CarinaError {
    CarinaError(
      .badData, what, at: path, expected: expected, found: found,
      remedy: "It is damaged or was not made by preprocess; run preprocess again.")
  }

  /// Reads bytes from where they lie.
  /// - Throws: `CarinaError.badData` where the file does not have them.
  func read(_ offset: UInt64, _ count: Int, into buffer: UnsafeMutableRawPointer) throws {
    var done = 0
    while done < count {
      let got = pread(descriptor, buffer + done, count - done, off_t(offset) + off_t(done))
      if got < 0 && errno == EINTR { continue }
      guard got > 0 else {
        throw bad(got == 0 ? "became shorter while it was open" : "cannot be read: \(String(cString: strerror(errno)))")
      }
      done += got
    }
  }
}
