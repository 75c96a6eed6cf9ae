import CImageCodecs
import CarinaRuntime

/// The kernel of a resize, as Pillow has it. All but `nearest` are stretched when scaling down, so that no pixel is
/// skipped.
public enum ResizeFilter: String, CaseIterable, SettingValue {
  /// The pixel under the middle of the new one.
  case nearest
  /// The mean of the pixels under the new one.
  case box
  /// A triangle of one pixel to each side.
  case bilinear
  /// A sinc of one lobe under Hamming's window.
  case hamming
  /// Keys' cubic convolution of two pixels to each side, a = -0.5.
  case bicubic
  /// A sinc of three lobes under a sinc.
  case lanczos

  /// Pillow's number, as `resample` in the settings of Hugging Face's image processors has it.
  package var pillowNumber: Int { Int(code) }

  /// The filter of a number of Pillow's.
  package init?(pillowNumber number: Int) {
    guard let filter = ResizeFilter.allCases.first(where: { $0.pillowNumber == number }) else { return nil }
    self = filter
  }

  /// The filter of a name: Pillow's or torchvision's, with or without the enumeration before it ("BICUBIC",
  /// "PILImageResampling.BICUBIC", "nearest-exact").
  package init?(name: String) {
    switch name.split(separator: ".").last?.lowercased() {
    case "nearest", "nearest-exact", "nearest_exact": self = .nearest
    case "box": self = .box
    case "bilinear": self = .bilinear
    case "hamming": self = .hamming
    case "bicubic": self = .bicubic
    case "lanczos", "antialias": self = .lanczos
    default: return nil
    }
  }

  var code: Int32 {
    switch self {
    case .nearest: Int32(CARINA_FILTER_NEAREST)
    case .box: Int32(CARINA_FILTER_BOX)
    case .bilinear: Int32(CARINA_FILTER_BILINEAR)
    case .hamming: Int32(CARINA_FILTER_HAMMING)
    case .bicubic: Int32(CARINA_FILTER_BICUBIC)
    case .lanczos: Int32(CARINA_FILTER_LANCZOS)
    }
  }

  /// The filter in the settings of a transform.
  var settingText: String { self == .nearest ? rawValue : "\(rawValue)-antialias" }

  /// Reads `settingText`.
  init?(settingText text: String) {
    guard let filter = ResizeFilter.allCases.first(where: { $0.settingText == text }) else { return nil }
    self = filter
  }
}
