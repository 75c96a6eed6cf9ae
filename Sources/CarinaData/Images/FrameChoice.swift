import CDICOM
import CarinaRuntime

/// Which picture of an image file with several is taken.
public enum FrameChoice: Equatable, Sendable, CustomStringConvertible {
  /// The first.
  case first
  /// Of N frames number N / 2, counted from 0, as Python's `frames[len(frames) // 2]`.
  case middle
  /// One counted from 1; a file that does not have it is refused.
  case number(Int)

  /// The forms that `init(text:)` reads, for messages.
  public static let choices = "a number from 1, first or middle"

  /// Reads a number from 1 to 2^31 - 1, `first` or `middle`; nil for anything else.
  public init?(text: String) {
    switch text {
    case "first": self = .first
    case "middle": self = .middle
    default:
      guard let number = Int32(text), number >= 1 else { return nil }
      self = .number(Int(number))
    }
  }

  /// The form that `init(text:)` reads.
  public var description: String {
    switch self {
    case .first: "first"
    case .middle: "middle"
    case .number(let number): "\(number)"
    }
  }

  /// As CDICOM has it.
  var code: Int32 {
    switch self {
    case .first: 1
    case .middle: Int32(CARINA_DICOM_MIDDLE_FRAME)
    case .number(let number): Int32(clamping: number)
    }
  }
}

extension FrameChoice: SettingValue {
  /// The text.
  public var json: JSONValue { .string(description) }
}
