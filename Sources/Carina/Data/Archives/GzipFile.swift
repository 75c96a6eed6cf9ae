import CImageCodecs
import Foundation

/// Files compressed by gzip (RFC 1952), as tables often come.
enum GzipFile {
  static func isGzip(_ data: Data) -> Bool { data.starts(with: [0x1f, 0x8b]) }

  /// The content of a whole file.
  /// - Throws: `CarinaError.badData` when it is damaged, cut short, or over 4 GiB.
  static func inflate(_ data: Data, path: String) throws -> Data {
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    let status = data.withUnsafeBytes {
      carina_gzip_inflate($0.bindMemory(to: UInt8.self).baseAddress, $0.count, 4 << 30, &bytes, &count)
    }
    guard status == 0, let bytes else {
      throw CarinaError(
        .badData, status == 2 ? "its content is over 4 GiB" : "is no whole gzip file", at: path,
        remedy: "Fetch it again.")
    }
    return Data(bytesNoCopy: bytes, count: count, deallocator: .free)
  }
}
