import Foundation

/// The side from which a radiograph was taken, as far as its source's word tells.
enum RadiographView: Int {
  case posteroanterior, anteroposterior, unknown, lateral

  /// Reads the words of the archives: PA, AP, `AP_horizontal`, LL, LATERAL, L, …
  init(_ word: String) {
    let word = word.uppercased().replacingOccurrences(of: "_", with: " ")
    let first = word.split(separator: " ").first.map(String.init) ?? ""
    switch first {
    case "PA", "POSTEROANTERIOR": self = .posteroanterior
    case "AP", "ANTEROPOSTERIOR": self = .anteroposterior
    case "LATERAL", "LL", "L", "RL", "LLAT", "RLAT": self = .lateral
    default: self = .unknown
    }
  }

  var isFrontal: Bool { self == .posteroanterior || self == .anteroposterior }

  func answer(_ templates: LabelTemplates) -> String? {
    self == .unknown ? nil : isFrontal ? templates.frontal : templates.lateral
  }
}
