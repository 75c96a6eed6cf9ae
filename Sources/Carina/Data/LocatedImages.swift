import Foundation

/// Looks up the files of images by their names, and remembers the last few: the samples of an image are mostly together.
struct LocatedImages {
  /// Names an image: two spellings of one path are one image. 128 bits of a SHA-256, so no two images are taken for one.
  struct Key: Hashable, BitwiseCopyable {
    let high, low: UInt64

    /// Its bucket among `SpilledBuckets`.
    var bucket: Int { Int(high >> 56) }
  }

  /// A file that was looked up.
  struct Found {
    let key: Key
    /// Its size; -1 where there is none.
    let byteCount: Int
  }

  private static let remembered = 4096
  private let roots: ImageRoots
  private var last: [String: Found] = [:]

  init(_ roots: ImageRoots) { self.roots = roots }

  /// The file of an image.
  mutating func find(_ image: String) -> Found {
    if let known = last[image] { return known }
    let path = roots.locate(image)
    var digest = SHA256Digest()
    digest.update(path.map(LocatedImages.plain) ?? "\0" + image)
    let (high, low) = digest.finishBits()
    let found = Found(key: Key(high: high, low: low), byteCount: path.map(LocatedImages.byteCount) ?? -1)
    if last.count == LocatedImages.remembered { last.removeAll(keepingCapacity: true) }
    last[image] = found
    return found
  }

  /// A path without `.`, `..` and doubled slashes.
  private static func plain(_ path: String) -> String {
    guard path.contains("//") || path.contains("/.") || path.hasPrefix(".") else { return path }
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == "..", let above = parts.last, above != ".." { parts.removeLast() } else { parts.append(part) }
    }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }

  private static func byteCount(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : -1
  }
}
