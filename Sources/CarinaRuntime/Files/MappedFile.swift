import CRuntime
import Foundation

/// A file's bytes in memory without a copy: the system reads a page when it is first touched and may forget it again.
///
/// The file may be replaced by another of its name (written beside and renamed) while it is mapped, but must not be cut
/// short: a program that called `LostFiles.endProgram` then ends with an error that names the file.
///
/// ```swift
/// let file = try MappedFile(path: "model.safetensors")
/// let header = file.bytes(0..<8)
/// ```
package final class MappedFile {
  /// The first byte; must not be written.
  package let pointer: UnsafeMutableRawPointer
  /// The file's length.
  package let byteCount: Int
  private let number: Int32

  /// Maps a file that is not empty.
  /// - Throws: `CarinaError.missingInput` when it is absent or unreadable, `.badData` when it is empty or no plain
  ///   file.
  package init(path: String) throws {
    let (descriptor, size) = try ReadableFile.open(path, expected: "a safetensors file", directoryIs: .badData)
    defer { close(descriptor) }
    byteCount = size
    guard byteCount > 0 else {
      throw CarinaError(.badData, "is empty", at: path, remedy: "Fetch or write the file again.")
    }
    guard let pointer = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), pointer != MAP_FAILED else {
      throw CarinaError(.missingInput, "cannot be mapped: \(String(cString: strerror(errno)))", at: path)
    }
    self.pointer = pointer
    number = carina_note_mapped_file(pointer, size, DisplayedText.of(LostFiles.error(path, size).description))
  }

  /// Bytes in memory that stand for those of a file.
  /// - Parameters:
  ///   - path: the file, for errors.
  ///   - fill: writes them; they are zeros.
  /// - Throws: `CarinaError.badData` when there is no memory for them; what `fill` throws.
  package init(path: String, byteCount: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    // Pages that are given back are read again from what is shared; private ones would be zeros.
    guard byteCount > 0,
      let pointer = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
      pointer != MAP_FAILED
    else { throw CarinaError(.badData, "there is no memory for the file's \(byteCount) bytes", at: path) }
    self.pointer = pointer
    self.byteCount = byteCount
    number = -1
    try fill(UnsafeMutableRawBufferPointer(start: pointer, count: byteCount))
  }

  deinit {
    carina_forget_mapped_file(number)
    munmap(pointer, byteCount)
  }

  /// Lets the system take back the pages that lie wholly in a range; they are read again when they are touched.
  package func releasePages(_ range: Range<Int>) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let first = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound == byteCount ? byteCount : range.upperBound / page * page
    if first < end { madvise(pointer + first, end - first, MADV_DONTNEED) }
  }

  /// Some of the bytes, valid as long as this lives.
  package func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: pointer + range.lowerBound, count: range.count)
  }
}
