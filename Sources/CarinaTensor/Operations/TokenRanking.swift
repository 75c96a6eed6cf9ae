/// The largest of a whole vocabulary's logits.
package enum TokenRanking {
  /// The largest value; −∞ where there is no number.
  package static func maximum(_ values: UnsafeBufferPointer<Float>) -> Float {
    let raw = UnsafeRawBufferPointer(values)
    var lanes = SIMD16<Float>(repeating: -.infinity)
    let vectors = values.count / 16
    for vector in 0..<vectors {
      let next = raw.loadUnaligned(fromByteOffset: vector * 64, as: SIMD16<Float>.self)
      lanes.replace(with: next, where: next .> lanes)
    }
    var largest = lanes.max()
    for index in vectors * 16..<values.count where values[index] > largest { largest = values[index] }
    return largest
  }

  /// The first of the largest values.
  package static func largest(_ values: UnsafeBufferPointer<Float>) -> Int {
    let maximum = maximum(values)
    return values.firstIndex { $0 == maximum } ?? 0
  }

  /// The `count` largest values' indices, falling; of equal values the first comes first.
  package static func largest(_ count: Int, of values: UnsafeBufferPointer<Float>) -> [Int] {
    let wanted = min(count, values.count)
    guard wanted > 0 else { return [] }
    var best: [Int] = []
    best.reserveCapacity(wanted + 1)
    var worst = -Float.infinity
    for index in values.indices where values[index] > worst || best.count < wanted {
      let value = values[index]
      // The first index whose value is smaller: equal ones that were met before stay in front.
      var low = 0, high = best.count
      while low < high {
        let middle = (low + high) / 2
        if values[best[middle]] >= value { low = middle + 1 } else { high = middle }
      }
      best.insert(index, at: low)
      if best.count > wanted { best.removeLast() }
      if best.count == wanted { worst = values[best[wanted - 1]] }
    }
    return best
  }
}
