/// A square of 8-bit pixels at the size that a model sees: what a shard stores of an image.
public struct ImagePixels: Equatable, Sendable {
  /// Row by row, channels interleaved: `size * size * channels` values.
  public var values: [UInt8]
  /// Pixels a side.
  public let size: Int
  /// 1 grey (red, green and blue are equal), 3 red, green, blue.
  package let channels: Int

  /// - Precondition: `values` has `size * size * channels` elements and `channels` is 1 or 3.
  package init(values: [UInt8], size: Int, channels: Int) {
    precondition(channels == 1 || channels == 3)
    precondition(values.count == size * size * channels)
    self.values = values
    self.size = size
    self.channels = channels
  }

  /// The same pixels with one channel where all three are equal everywhere, else unchanged.
  package func collapsedIfGrey() -> ImagePixels {
    guard channels == 3 else { return self }
    let isGrey = values.withUnsafeBufferPointer { all in
      for start in stride(from: 0, to: all.count, by: 3)
      where all[start] != all[start + 1] || all[start] != all[start + 2] { return false }
      return true
    }
    guard isGrey else { return self }
    return ImagePixels(values: stride(from: 0, to: values.count, by: 3).map { values[$0] }, size: size, channels: 1)
  }

  /// The same pixels with three channels.
  public func expanded() -> ImagePixels {
    guard channels == 1 else { return self }
    let wide = [UInt8](unsafeUninitializedCapacity: values.count * 3) { target, count in
      for (index, value) in values.enumerated() {
        target[3 * index] = value
        target[3 * index + 1] = value
        target[3 * index + 2] = value
      }
      count = values.count * 3
    }
    return ImagePixels(values: wide, size: size, channels: 3)
  }
}

extension ImagePixels {
  /// Names the picture: equal for equal pixels, whether a grey picture is stored with one channel or with three.
  package var digest: ContentDigest {
    let plain = collapsedIfGrey()
    return Array("\(plain.size) \(plain.channels)\n".utf8).withUnsafeBytes { header in
      plain.values.withUnsafeBytes { ContentDigest(of: [header, $0]) }
    }
  }
}
