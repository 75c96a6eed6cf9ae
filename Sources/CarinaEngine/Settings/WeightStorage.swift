import CarinaRuntime

/// How frozen matrices are kept.
public enum WeightStorage: String, CaseIterable, SettingValue {
  /// As the precision says.
  case full
  /// 8 bits with one scale a row.
  case int8
}
