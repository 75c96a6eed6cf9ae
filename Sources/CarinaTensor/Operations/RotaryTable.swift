import Foundation

/// Cosines and sines of the rotary embedding (Su et al. 2021) for one base frequency.
package struct RotaryTable: Sendable {
  /// Length of a head; even.
  package let headSize: Int
  /// How many positions the table covers.
  package let positionCount: Int
  /// Cosine and sine of each angle, [positionCount · headSize / 2], position by position.
  package let cosines: [Float], sines: [Float]

  /// Angles position · base^(−2i/headSize), divided by `scale` where linear scaling is asked for; computed in fp32 as
  /// the reference does.
  package init(headSize: Int, base: Double, positionCount: Int, scale: Double = 1) {
    precondition(headSize % 2 == 0, "a head of odd size \(headSize) cannot be rotated")
    self.headSize = headSize
    self.positionCount = positionCount
    let frequencies = (0..<headSize / 2).map { index in
      1 / Float(pow(base, Double(Float(2 * index) / Float(headSize)))) / Float(scale)
    }
    var cosines: [Float] = [], sines: [Float] = []
    cosines.reserveCapacity(positionCount * headSize / 2)
    sines.reserveCapacity(positionCount * headSize / 2)
    for position in 0..<positionCount {
      for frequency in frequencies {
        let angle = Float(position) * frequency
        cosines.append(cos(angle))
        sines.append(sin(angle))
      }
    }
    self.cosines = cosines
    self.sines = sines
  }
}
