import CarinaRuntime
import Foundation

/// How an archive is divided: by a digest of each unit's name, so that an entry more moves no other.
public struct SplitPlan: Equatable, Sendable {
  /// One of the splits.
  public struct Part: Equatable, Sendable {
    /// Its name.
    public let name: String
    /// Its share of the units, above 0.
    package let fraction: Double
  }

  /// What stays together.
  public let unit: SplitUnit
  /// The parts, whose fractions add up to 1.
  package let parts: [Part]
  /// Equal seeds give equal splits.
  public let seed: UInt64
  /// Whether patients and images may be in two splits: a leak that is known and wanted.
  package let allowsLeak: Bool

  /// A plan from the text of an option.
  /// - Parameter fractions: `NAME=FRACTION,NAME=FRACTION…`, adding up to 1; `given` needs none.
  /// - Throws: `CarinaError.usage` for fractions that cannot be.
  public init(_ unit: SplitUnit, fractions: String, seed: UInt64 = 1, allowsLeak: Bool = false) throws {
    func unusable(_ found: String) -> CarinaError {
      CarinaError(
        .usage, "the fractions of the splits cannot be used", at: SettingName.fractions.description,
        expected: "NAME=FRACTION,… with different names of letters, digits, - and _, adding up to 1", found: found)
    }
    var parts: [Part] = []
    for text in fractions.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = text.split(separator: "=", omittingEmptySubsequences: false)
      guard pair.count == 2, let fraction = Double(pair[1]), fraction > 0, fraction <= 1, !pair[0].isEmpty,
        pair[0].allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }),
        !parts.contains(where: { $0.name == pair[0] })
      else { throw unusable(fractions) }
      parts.append(Part(name: String(pair[0]), fraction: fraction))
    }
    guard abs(parts.reduce(0) { $0 + $1.fraction } - 1) < 1e-9 else { throw unusable(fractions) }
    (self.unit, self.parts, self.seed, self.allowsLeak) = (unit, parts, seed, allowsLeak)
  }

  /// The part of a unit: where the first 52 bits of SHA-256 over seed and name, as a number in [0, 1), fall among the
  /// fractions.
  public func part(of key: String) -> String {
    var digest = SHA256Digest()
    digest.update("carina split\n\(seed)\n\(key)")
    let position = Double(digest.finishBits().high >> 12) / 0x1p52
    var end = 0.0
    for part in parts {
      end += part.fraction
      if position < end { return part.name }
    }
    return parts.last?.name ?? ""
  }

  /// What a record's split is drawn from.
  /// - Throws: `CarinaError.usage` when the record does not name its unit.
  func key(_ record: SampleRecord, _ source: String) throws -> String {
    func required(_ value: String, _ name: String) throws -> String {
      guard !value.isEmpty else {
        throw CarinaError(
          .usage, "a sample names no \(name), so it cannot be split by it", at: "\(source), sample \(record.id)",
          remedy:
            "Choose another \(setting: .splitBy); without patients' names, overlap of patients cannot be excluded.")
      }
      return value
    }
    switch unit {
    case .patient: return "patient\n" + (try required(record.patient, "patient"))
    case .study: return "study\n\(record.patient)\n" + (try required(record.study, "study"))
    case .image, .given: return "image\n" + SplitPlan.imageKey(record.image)
    }
  }

  /// One spelling of an image's path.
  static func imageKey(_ image: String) -> String {
    let parts = image.utf8.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
    let isAbsolute = image.utf8.first == UInt8(ascii: "/")
    return (isAbsolute ? "/" : "") + parts.map { String(Substring($0)) }.joined(separator: "/")
  }
}
