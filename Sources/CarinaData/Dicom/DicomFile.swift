import CDICOM
import CarinaRuntime

/// A radiograph in DICOM: its stored values and what its attributes say about them.
///
/// One frame, grey, RGB or with a palette, uncompressed or in a compression that the installed DCMTK (RLE, JPEG, JPEG-LS)
/// or OpenJPEG (JPEG 2000) decodes. Only the attributes of the file itself count, not those of functional groups (DICOM
/// PS3.3 C.7.6.3, C.11).
struct DicomFile {
  /// A display window: what of the modality's values is shown, and how.
  struct Window: Equatable {
    /// PS3.3 C.11.2.1.2.1, C.11.2.1.3.2, C.11.2.1.3.1.
    enum Function: Equatable { case linear, linearExact, sigmoid }

    let function: Function
    let center: Double
    let width: Double
  }

  /// A lookup table: inputs below the first entry get the first value, those beyond the last the last.
  struct Table: Equatable {
    let values: [UInt16]
    /// The input of the first entry.
    let first: Int
    /// Bits of a value.
    let bits: Int

    func value(at input: Double) -> Int {
      // Inputs may be fractions and of any size; what is outside is clipped before the conversion.
      let index = max(0, min(Double(values.count - 1), (input - Double(first)).rounded(.down)))
      return Int(values[Int(index)])
    }
  }

  let width: Int
  let height: Int
  /// 1 grey, 3 RGB of 8 bits, also of a palette.
  let channels: Int
  /// Bits of a stored value, 1...16.
  let bitsStored: Int
  /// Bits of `codes`: as many as stored, or more where values lie beyond them.
  let codeBits: Int
  /// Stored values are two's complement of `codeBits`.
  let isSigned: Bool
  /// Small values are bright.
  let isMonochrome1: Bool
  let slope: Double
  let intercept: Double
  let modalityTable: Table?
  /// The first window of the file.
  let window: Window?
  let displayTable: Table?
  /// Why the window, or where there is none the display table, cannot be used; nil where one can or there is neither.
  let displayProblem: String?
  /// Red, green and blue of a stored value; nil where there is no palette.
  let palette: [Table]?
  /// Stored values that are no part of the picture.
  let padding: ClosedRange<Int>?
  /// The stored values as bit patterns, channels interleaved; empty when only the header was read.
  let codes: [UInt16]
  /// What is odd about the file, and which of several frames it is; nil when there is nothing to say.
  let remark: String?

  /// Whether the content is DICOM: `DICM` after a preamble of 128 bytes, or without it elements as files begin with.
  static func isDicom(_ bytes: [UInt8]) -> Bool { carina_dicom_is_dicom(bytes, bytes.count) != 0 }

  /// Reads a file; `path` names it in errors. Without `frame` a file of several frames is refused.
  /// - Throws: `CarinaError.badData` when it cannot be decoded, is over the limits (20,000 a side, 100 million values),
  ///   or is of a kind that is not handled; the reason is in the text.
  init(_ bytes: [UInt8], path: String, frame: FrameChoice? = nil, withPixels: Bool = true) throws {
    var report = carina_dicom_report()
    var file: OpaquePointer?
    let wanted = frame?.code ?? Int32(CARINA_DICOM_ONLY_FRAME)
    let status = carina_dicom_open(bytes, bytes.count, wanted, withPixels ? 1 : 0, &file, &report)
    defer { carina_dicom_close(file) }
    guard status == CARINA_DICOM_OK, let file else {
      let isUndecided = status == CARINA_DICOM_UNSUPPORTED && frame == nil && report.frames > 1
      throw CarinaError(
        .badData, "the DICOM file cannot be decoded: \(DicomFile.text(report.message))", at: path,
        remedy: isUndecided ? "Choose \(setting: .frame): \(FrameChoice.choices)." : nil)
    }
    guard report.channels == 1 || report.channels == 3, report.width > 0, report.height > 0,
      (1...16).contains(report.bits_stored), (report.bits_stored...16).contains(report.code_bits)
    else {
      throw CarinaError(
        .badData, "the DICOM file cannot be decoded: DCMTK gives sizes that no radiograph has", at: path,
        found: "\(report.width) x \(report.height), \(report.channels) channels, \(report.bits_stored) bits")
    }
    width = Int(report.width)
    height = Int(report.height)
    channels = report.is_palette != 0 ? 3 : Int(report.channels)
    bitsStored = Int(report.bits_stored)
    codeBits = Int(report.code_bits)
    isSigned = report.is_signed != 0
    isMonochrome1 = report.is_monochrome1 != 0
    slope = report.slope
    intercept = report.intercept
    modalityTable = DicomFile.table(of: file, CARINA_DICOM_MODALITY_TABLE)
    displayTable = DicomFile.table(of: file, CARINA_DICOM_DISPLAY_TABLE)
    window = DicomFile.function(report.window_function).map {
      Window(function: $0, center: report.window_center, width: report.window_width)
    }
    let problems = [DicomFile.text(report.window_problem), DicomFile.text(report.display_problem)]
    displayProblem =
      report.window_function == CARINA_DICOM_NO_WINDOW ? problems.first { !$0.isEmpty } : nil
    padding = report.has_padding != 0 ? Int(report.padding_low)...Int(report.padding_high) : nil
    let tables = [CARINA_DICOM_RED_TABLE, CARINA_DICOM_GREEN_TABLE, CARINA_DICOM_BLUE_TABLE]
      .compactMap { DicomFile.table(of: file, $0) }
    palette = report.is_palette != 0 && tables.count == 3 ? tables : nil
    let chosen = report.frames > 1 ? ["frame \(report.frame) of \(report.frames) was taken"] : []
    let odd = [DicomFile.text(report.remarks)].filter { !$0.isEmpty }
    remark = chosen.isEmpty && odd.isEmpty ? nil : (odd + chosen).joined(separator: "; ")
    let count = withPixels ? width * height * Int(report.channels) : 0
    codes = Array(UnsafeBufferPointer(start: carina_dicom_codes(file), count: count))
  }

  private static func text<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private static func function(_ code: Int32) -> Window.Function? {
    switch Int(code) {
    case CARINA_DICOM_LINEAR: .linear
    case CARINA_DICOM_LINEAR_EXACT: .linearExact
    case CARINA_DICOM_SIGMOID: .sigmoid
    default: nil
    }
  }

  private static func table(of file: OpaquePointer, _ which: Int) -> Table? {
    var (count, first, bits): (Int32, Int32, Int32) = (0, 0, 0)
    guard let values = carina_dicom_table(file, Int32(which), &count, &first, &bits) else { return nil }
    return Table(
      values: Array(UnsafeBufferPointer(start: values, count: Int(count))), first: Int(first), bits: Int(bits))
  }
}
