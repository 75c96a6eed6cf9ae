/// Which values a setting may have, and the words for them in a refusal: `expected WORDS, found VALUE`.
public struct SettingRange<Value: SettingValue>: Sendable {
  let words: String
  let contains: @Sendable (Value) -> Bool

  /// A range by a rule.
  package init(_ words: String, _ contains: @escaping @Sendable (Value) -> Bool) {
    self.words = words
    self.contains = contains
  }

  /// Every value.
  package static var any: SettingRange { SettingRange("any value") { _ in true } }
}

extension SettingRange where Value == Int {
  /// `smallest` and more.
  package static func atLeast(_ smallest: Int) -> SettingRange {
    SettingRange("at least \(smallest)") { $0 >= smallest }
  }

  /// Both ends belong to it.
  package static func within(_ range: ClosedRange<Int>, of unit: String = "") -> SettingRange {
    SettingRange("\(range.lowerBound) to \(range.upperBound)" + (unit.isEmpty ? "" : " " + unit)) { range.contains($0) }
  }
}

extension SettingRange where Value == Double {
  /// Zero and more, but not infinity.
  package static var notNegative: SettingRange {
    SettingRange("a number of at least 0") { $0 >= 0 && $0.isFinite }
  }

  /// From 0 to 1, both ends included.
  package static var part: SettingRange { SettingRange("a number from 0 to 1") { (0...1).contains($0) } }
}

extension SettingRange {
  /// Nil, and what `range` holds.
  package static func optional<Wrapped>(_ range: SettingRange<Wrapped>) -> SettingRange where Value == Wrapped? {
    SettingRange(range.words) { $0.map(range.contains) ?? true }
  }
}
