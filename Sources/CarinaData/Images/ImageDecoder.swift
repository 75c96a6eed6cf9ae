import CDICOM
import CImageCodecs
import CarinaRuntime
import Foundation

/// Reads JPEG, PNG and DICOM files. The content decides the format, not the name.
///
/// What comes out are the pixels of Pillow's `Image.open(path).convert("RGB")`, with one channel where the file is
/// grey: alpha is dropped, palettes are looked up, CMYK is turned into RGB, 1, 2 and 4 bits are spread over 0...255.
/// Colour profiles and orientation tags are ignored. 16-bit values stay 16-bit. Of DICOM only the header is read here;
/// its pixels come from `ImageTransform`, as what they mean takes a policy.
public enum ImageDecoder {
  /// What a file's header says.
  public struct Header: Equatable, Sendable {
    /// "JPEG", "PNG" or "DICOM".
    public let format: String
    /// Pixels across.
    package let width: Int
    /// Pixels down.
    package let height: Int
    /// 1 grey, 3 colour, as decoded.
    package let channels: Int
    /// Bits of a decoded value: 8 or 16.
    package let depth: Int
  }

  /// A decoded image, channels interleaved, row by row.
  package struct Image<Value: Sendable>: Sendable {
    /// `width * height * channels` values.
    package let values: [Value]
    /// Pixels across.
    package let width: Int
    /// Pixels down.
    package let height: Int
    /// 1 grey, 3 red, green, blue.
    package let channels: Int
  }

  /// The bytes of an image file.
  /// - Throws: `CarinaError.missingInput` when there is no such file, `.badData` when it is no regular file, is over
  ///   1 GiB or cannot be read.
  public static func bytes(ofFileAt path: String) throws -> [UInt8] {
    let (descriptor, size) = try ReadableFile.open(path, expected: "an image", directoryIs: .badData)
    defer { close(descriptor) }
    try InputLimit.image.require(size, at: path)
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      let whole = UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: size)
      count = try ReadableFile.fill(whole, from: descriptor, path)
    }
  }

  /// The header of an image; `path` names it in errors.
  /// - Throws: `CarinaError.badData` when the content is no image or its dimensions are over the limits (20,000 a
  ///   side, 200 million in all).
  public static func header(of bytes: [UInt8], path: String) throws -> Header {
    try header(of: bytes, fastSize: 0, path: path)
  }

  /// The same for a JPEG decoded at a fraction of its size that leaves both sides at `fastSize` or more; 0 for all of
  /// it.
  static func header(of bytes: [UInt8], fastSize: Int, path: String) throws -> Header {
    if DicomFile.isDicom(bytes) {
      // Which frame it will be does not matter here.
      let file = try DicomFile(bytes, path: path, frame: .first, withPixels: false)
      return Header(
        format: "DICOM", width: file.width, height: file.height, channels: file.channels,
        depth: file.bitsStored > 8 ? 16 : 8)
    }
    var report = carina_image_report()
    let status = carina_image_header(bytes, bytes.count, Int32(fastSize), &report)
    if status == CARINA_IMAGE_UNKNOWN_FORMAT { throw unknown(bytes, report, path) }
    try check(status, report, path)
    return Header(
      format: report.format == CARINA_IMAGE_PNG ? "PNG" : "JPEG", width: Int(report.width), height: Int(report.height),
      channels: Int(report.channels), depth: Int(report.depth))
  }

  /// Decodes an image of depth 8.
  /// - Throws: `CarinaError.badData`, also for one of depth 16.
  package static func decode8(_ bytes: [UInt8], path: String) throws -> Image<UInt8> {
    try decode8(bytes, fastSize: 0, path: path)
  }

  /// The same, a JPEG at a fraction of its size that leaves both sides at `fastSize` or more; 0 for all of it.
  static func decode8(_ bytes: [UInt8], fastSize: Int, path: String) throws -> Image<UInt8> {
    try decode(bytes, depth: 8, fastSize: fastSize, path: path)
  }

  /// Decodes an image of depth 16.
  /// - Throws: `CarinaError.badData`, also for one of depth 8.
  package static func decode16(_ bytes: [UInt8], path: String) throws -> Image<UInt16> {
    try decode(bytes, depth: 16, fastSize: 0, path: path)
  }

  /// Whether DICOM files of High-Throughput JPEG 2000 are read: the installed OpenJPEG is 2.5.1 or later. Earlier ones end
  /// the process for some damaged files.
  package static var decodesHighThroughput: Bool { carina_dicom_decodes_htj2k() != 0 }

  private static func decode<Value: FixedWidthInteger & Sendable>(
    _ bytes: [UInt8], depth: Int, fastSize: Int, path: String
  ) throws -> Image<Value> {
    let header = try header(of: bytes, fastSize: fastSize, path: path)
    guard header.depth == depth else {
      throw CarinaError(
        .badData, "has another depth", at: path, expected: "\(depth) bits", found: "\(header.depth) bits")
    }
    let count = header.width * header.height * header.channels
    guard depth == 8 || count * MemoryLayout<Value>.stride <= Int(CARINA_IMAGE_MAX_BUFFER) else {
      throw CarinaError(
        .badData, "is too large for an image of \(depth) bits", at: path,
        expected: "at most \(CARINA_IMAGE_MAX_BUFFER) bytes of pixels", found: "\(header.width) x \(header.height)")
    }
    let values = try [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
      var report = carina_image_report()
      let capacity = count * MemoryLayout<Value>.stride
      let status = carina_image_decode(
        bytes, bytes.count, Int32(fastSize), buffer.baseAddress, capacity, &report)
      try check(status, report, path)
      initialized = count
    }
    return Image(values: values, width: header.width, height: header.height, channels: header.channels)
  }

  /// Decodes an image of depth 8, `fastSize` as for `header`, and resizes it row by row, never holding all its pixels.
  static func decodeResized(
    _ bytes: [UInt8], fastSize: Int, size: Int, toGrey: Bool, order: PassOrder, filter: ResizeFilter, path: String
  ) throws -> ImagePixels {
    var report = carina_image_report()
    let values = try [UInt8](unsafeUninitializedCapacity: size * size * 3) { buffer, initialized in
      let status = carina_image_decode_resized(
        bytes, bytes.count, Int32(fastSize), Int32(size), toGrey ? 1 : 0, order.code, filter.code, buffer.baseAddress,
        &report)
      try check(status, report, path)
      initialized = size * size * Int(report.channels)
    }
    return ImagePixels(values: values, size: size, channels: Int(report.channels))
  }

  private static func unknown(_ bytes: [UInt8], _ report: carina_image_report, _ path: String) -> CarinaError {
    if let pointer = LargeFilePointer.refusal(bytes, source: path) { return pointer }
    let found = ForeignImageFormat.name(bytes)
    return CarinaError(
      .badData, "the image cannot be decoded: \(text(report))", at: path, found: found,
      remedy: found == nil ? nil : "Convert it to PNG, or fetch it again if it was meant to be an image that is read.")
  }

  private static func text(_ report: carina_image_report) -> String {
    withUnsafeBytes(of: report.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private static func check(_ status: Int32, _ report: carina_image_report, _ path: String) throws {
    guard status != CARINA_IMAGE_OK else {
      guard report.channels == 1 || report.channels == 3 else {
        throw CarinaError(
          .badData, "has another number of channels", at: path, expected: "1 or 3", found: "\(report.channels)")
      }
      return
    }
    let name =
      report.format == CARINA_IMAGE_PNG ? "the PNG" : report.format == CARINA_IMAGE_JPEG ? "the JPEG" : "the image"
    throw CarinaError(.badData, "\(name) cannot be decoded: \(text(report))", at: path)
  }
}
