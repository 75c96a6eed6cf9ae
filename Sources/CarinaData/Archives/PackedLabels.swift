/// The states of at most 15 labels in four bytes.
struct PackedLabels {
  private var bits: UInt32 = 0

  /// - Parameter labels: all that there can be, in the order of the image's.
  init(_ image: LabelledImage, _ labels: [String]) {
    for (index, label) in labels.enumerated() {
      guard let state = image.labels.first(where: { $0.name == label })?.state else { continue }
      bits |= (state == .present ? 1 : state == .absent ? 2 : 3) << UInt32(2 * index)
    }
    if image.isNormal { bits |= 1 << 31 }
  }

  /// Gives an image these labels.
  func unpack(into image: inout LabelledImage, _ labels: [String]) {
    for (index, label) in labels.enumerated() {
      let code = bits >> UInt32(2 * index) & 3
      if code > 0 { image.labels.append((label, code == 1 ? .present : code == 2 ? .absent : .uncertain)) }
    }
    image.isNormal = bits >> 31 == 1
  }
}
