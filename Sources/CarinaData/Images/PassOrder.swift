import CImageCodecs

/// The order of a resize's two passes. Values between the passes are 8-bit, so it shows in a grey level here and there.
public enum PassOrder: String, CaseIterable, Sendable {
  /// The vertical pass first where the height shrinks by more than twice as many pixels as the width: Pillow 13.
  case adaptive = "pillow-13"
  /// Always the horizontal pass first: Pillow up to 12.
  case horizontalFirst = "pillow-12"

  var code: Int32 {
    switch self {
    case .adaptive: Int32(CARINA_RESIZE_ADAPTIVE)
    case .horizontalFirst: Int32(CARINA_RESIZE_HORIZONTAL_FIRST)
    }
  }
}
