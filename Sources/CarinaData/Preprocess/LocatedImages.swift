import CarinaRuntime
import Foundation

/// Looks up the files of images by their names, and remembers the last few: the samples of an image are mostly
/// together.
struct LocatedImages {
  /// A file that was looked up.
  struct Found {
    /// Names the image: two spellings of one path are one image.
    let key: NameKey
    /// Its size; -1 where there is none.
    let byteCount: Int
  }

  private static let remembered = 4096
  private let roots: ImageRoots
  private var last: [ExactText: Found] = [:]

  init(_ roots: ImageRoots) { self.roots = roots }

  /// The file of an image.
  mutating func find(_ image: String) -> Found {
    if let known = last[ExactText(image)] { return known }
    let path = roots.locate(image)
    let key = NameKey(path.map(LocatedImages.plain) ?? "\0" + image)
    let found = Found(key: key, byteCount: path.map(LocatedImages.byteCount) ?? -1)
    if last.count == LocatedImages.remembered { last.removeAll(keepingCapacity: true) }
    last[ExactText(image)] = found
    return found
  }

  /// A path without `.`, `..` and doubled slashes.
  private static func plain(_ path: String) -> String {
    var before = UInt8(ascii: "/")
    let isPlain = !path.utf8.dropFirst().contains { byte in
      defer { before = byte }
      return before == UInt8(ascii: "/") && (byte == before || byte == UInt8(ascii: "."))
    }
    guard !isPlain || path.utf8.first == UInt8(ascii: ".") else { return path }
    var parts: [ExactText] = []
    for part in path.utf8.split(separator: UInt8(ascii: "/")).map({ ExactText(String(Substring($0))) })
    where part != "." {
      if part == "..", let above = parts.last, above != ".." { parts.removeLast() } else { parts.append(part) }
    }
    return (path.utf8.first == UInt8(ascii: "/") ? "/" : "") + parts.map(\.text).joined(separator: "/")
  }

  private static func byteCount(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : -1
  }
}
