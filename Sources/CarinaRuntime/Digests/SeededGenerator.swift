import Foundation

/// A small deterministic random generator: SplitMix64 (Steele, Lea and Flood 2014) over a counter.
///
/// Its whole state is two integers, so a checkpoint can store it and a resumed run goes on with the same digits.
///
/// ```swift
/// var generator = SeededGenerator(seed: 1, stream: "shuffle of epoch 3")
/// let order = generator.permutation(4_500)
/// ```
public struct SeededGenerator: RandomNumberGenerator, Codable, Equatable, Sendable {
  private var state: UInt64

  /// A generator for one purpose: equal `seed` and `stream` give equal numbers, different streams unrelated ones.
  package init(seed: UInt64, stream: String) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    state = SeededGenerator.mix(seed &+ 0x9e37_79b9_7f4a_7c15) ^ SeededGenerator.mix(hash)
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return SeededGenerator.mix(state)
  }

  /// A number in [0, 1) with 53 random bits.
  package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number in [`range.lowerBound`, `range.upperBound`).
  package mutating func uniform(in range: Range<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
  }

  /// An integer in 0..<`bound` without bias worth mention (multiply-shift on 64 bits).
  package mutating func integer(below bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A normally distributed number, mean 0 and standard deviation 1 (Box and Muller 1958; one of the pair).
  package mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }

  /// One of the elements; `elements` must not be empty.
  package mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[integer(below: elements.count)]
  }

  /// A permutation of 0..<`count` (Fisher–Yates).
  package mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for i in stride(from: count - 1, to: 0, by: -1) { order.swapAt(i, integer(below: i + 1)) }
    return order
  }
}
