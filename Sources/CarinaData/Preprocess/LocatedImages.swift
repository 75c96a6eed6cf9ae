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
    /// Whether it lies outside the image roots.
    let isOutside: Bool
  }

  private static let remembered = 4096
  private let roots: ImageRoots
  private var last: [ExactText: Found] = [:]
  private var directories: [ExactText: Bool] = [:]

  init(_ roots: ImageRoots) { self.roots = roots }

  /// The file of an image.
  mutating func find(_ image: String) -> Found {
    if let known = last[ExactText(image)] { return known }
    let path = roots.locate(image)
    let key = NameKey(path.map(LocatedImages.plain) ?? "\0" + image)
    let found = Found(
      key: key, byteCount: path.map(LocatedImages.byteCount) ?? -1, isOutside: path.map { isOutside($0) } ?? false)
    if last.count == LocatedImages.remembered { last.removeAll(keepingCapacity: true) }
    last[ExactText(image)] = found
    return found
  }

  /// Whether a file lies outside the roots. Its directory is asked once, and a file that is no link lies in it.
  private mutating func isOutside(_ path: String) -> Bool {
    var status = stat()
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), lstat(path, &status) == 0,
      status.st_mode & S_IFMT == S_IFREG
    else { return roots.isOutside(path) }
    let directory = String(path[...slash])
    if let known = directories[ExactText(directory)] { return known }
    if directories.count == LocatedImages.remembered { directories.removeAll(keepingCapacity: true) }
    let isOutside = roots.isOutside(directory)
    directories[ExactText(directory)] = isOutside
    return isOutside
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
