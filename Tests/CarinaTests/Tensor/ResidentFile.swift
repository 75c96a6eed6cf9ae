import Foundation
import Testing

/// A mapped file that says how much of it is resident.
final class ResidentFile {
  let address: UnsafeMutableRawPointer
  let byteCount: Int

  init(_ bytes: Data, at path: String) throws {
    try bytes.write(to: URL(fileURLWithPath: path))
    byteCount = bytes.count
    let file = open(path, O_RDONLY)
    defer { close(file) }
    address = try #require(mmap(nil, bytes.count, PROT_READ, MAP_PRIVATE, file, 0))
    try #require(address != MAP_FAILED)
  }

  deinit { munmap(address, byteCount) }

  /// How many of its pages this process has read and not given back.
  var residentPages: Int {
    let first = UInt(bitPattern: address), last = first + UInt(byteCount)
    guard let file = FileHandle(forReadingAtPath: "/proc/self/smaps"),
      let text = String(bytes: file.readDataToEndOfFile(), encoding: .utf8)
    else { return -1 }
    var isInside = false, kibibytes = 0
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if let bounds = words.first?.split(separator: "-"), bounds.count == 2, let start = UInt(bounds[0], radix: 16) {
        isInside = start >= first && start < last
      } else if isInside, words.first == "Rss:", words.count > 1 {
        kibibytes += Int(words[1]) ?? 0
      }
    }
    return kibibytes / 4
  }
}
