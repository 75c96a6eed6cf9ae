import CRuntime
import Foundation

/// SHA-256 (FIPS 180-4), the digest that names files, tensors and settings in manifests.
///
/// Written here because the well-kept alternative, swift-crypto, would more than double the time of a first build.
///
/// ```swift
/// SHA256Digest.of("abc")  // "ba7816bf…f20015ad"
/// ```
public struct SHA256Digest {
  private var hash = carina_sha256()

  /// An empty digest, ready for `update`.
  package init() { self.init(mayUseInstructions: true) }

  /// As `init()`, but without the processor's SHA-256 instructions when told so, for comparison.
  package init(mayUseInstructions: Bool) { carina_sha256_begin(&hash, mayUseInstructions ? 1 : 0) }

  /// Takes in bytes.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    carina_sha256_update(&hash, bytes.baseAddress, bytes.count)
  }

  /// Takes in a text's UTF-8 bytes.
  package mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }

  /// Ends the digest: its first 128 bits.
  package mutating func finishBits() -> (high: UInt64, low: UInt64) {
    withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { bytes in
      carina_sha256_finish(&hash, bytes.assumingMemoryBound(to: UInt8.self).baseAddress)
      return (bytes.load(as: UInt64.self).bigEndian, bytes.load(fromByteOffset: 8, as: UInt64.self).bigEndian)
    }
  }

  /// Ends the digest: 64 lower-case hexadecimal digits.
  package mutating func finish() -> String {
    var bytes = [UInt8](repeating: 0, count: 32)
    carina_sha256_finish(&hash, &bytes)
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The digest of a text's UTF-8 bytes.
  public static func of(_ text: String) -> String {
    var digest = SHA256Digest()
    digest.update(text)
    return digest.finish()
  }

  /// The digest of raw bytes.
  public static func of(_ data: Data) -> String {
    var digest = SHA256Digest()
    data.withUnsafeBytes { digest.update($0) }
    return digest.finish()
  }

  /// The digest of a file, read in pieces of 1 MiB.
  /// - Throws: `CarinaError.missingInput` when it cannot be opened, `.badData` when it is no plain file or
  ///   reading fails.
  package static func ofFile(_ path: String) throws -> String {
    let file = try ReadableFile.stream(path)
    defer { fclose(file) }
    var digest = SHA256Digest()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = fread(buffer.baseAddress, 1, buffer.count, file)
      if count > 0 { digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
      if count < buffer.count { break }
    }
    if ferror(file) != 0 { throw CarinaError(.badData, "reading failed part-way", at: path) }
    return digest.finish()
  }
}
