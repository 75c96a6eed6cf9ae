import TestSupport
import Testing

import Carina

@Suite("Element types") struct ConversionTests {
  private func rounded(_ values: [Float]) -> [UInt16] {
    let narrow = Tensor(values, shape: [values.count]).converted(to: .bfloat16)
    return Array(UnsafeBufferPointer(start: narrow.bfloats, count: narrow.count))
  }

  @Test("bfloat16 rounds to the nearest, ties to even")
  func ties() {
    let cases: [(UInt32, UInt16)] = [
      (0x3f80_0000, 0x3f80), (0x3f80_7fff, 0x3f80), (0x3f80_8000, 0x3f80), (0x3f80_8001, 0x3f81),
      (0x3f81_8000, 0x3f82), (0x3f81_7fff, 0x3f81), (0xbf81_8000, 0xbf82), (0x3fff_8000, 0x4000),
      (0x0000_0001, 0x0000), (0x0000_8001, 0x0001), (0x8000_0000, 0x8000), (0x007f_8000, 0x0080),
    ]
    #expect(rounded(cases.map { Float(bitPattern: $0.0) }) == cases.map(\.1))
  }

  @Test("bfloat16 keeps infinities, overflows to them, and keeps NaN a NaN")
  func special() {
    #expect(rounded([.infinity, -.infinity]) == [0x7f80, 0xff80])
    #expect(rounded([.greatestFiniteMagnitude, -.greatestFiniteMagnitude]) == [0x7f80, 0xff80])
    let patterns: [UInt32] = [0x7fc0_0000, 0x7f80_0001, 0xff80_0001, 0x7fff_ffff, 0xffff_ffff, 0x7f80_8000]
    for pattern in patterns {
      let bits = rounded([Float(bitPattern: pattern)])[0]
      #expect(Float(bitPattern: UInt32(bits) << 16).isNaN, "\(String(pattern, radix: 16))")
      #expect(bits >> 15 == UInt16(pattern >> 31))
    }
  }

  @Test("bfloat16 rounding of random bits agrees with a search for the nearest")
  func random() {
    var generator = SeededGenerator(seed: 1, stream: "bits")
    let values = (0..<20_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())) }
      .filter { $0.isFinite && abs($0) < 3e38 }
    for (value, bits) in zip(values, rounded(values)) {
      let chosen = Double(Float(bitPattern: UInt32(bits) << 16))
      let neighbours = [bits &- 1, bits &+ 1].map { Double(Float(bitPattern: UInt32($0) << 16)) }
      let distance = abs(chosen - Double(value))
      #expect(neighbours.allSatisfy { !($0.isFinite) || abs($0 - Double(value)) >= distance })
    }
  }

  @Test("widening bfloat16 is exact, for every pattern and odd counts")
  func widening() {
    for count in [0, 1, 7, 33, 65_536] {
      let narrow = Tensor(uninitialized: [count], elementType: .bfloat16)
      for index in 0..<count { narrow.bfloats[index] = UInt16(index) }
      let wide = narrow.converted(to: .float32).values
      #expect(wide.enumerated().allSatisfy { $1.bitPattern == UInt32($0) << 16 })
    }
  }

  @Test("widening half precision is exact for all 65,536 patterns, at an odd address too")
  func half() {
    let storage = Storage(byteCount: 65_536 * 2 + 1)
    let source = storage.pointer + 1
    for pattern in 0..<65_536 {
      source.storeBytes(of: UInt16(pattern), toByteOffset: pattern * 2, as: UInt16.self)
    }
    let wide = Tensor.fromFloat16(source, shape: [65_536]).values
    for (pattern, value) in wide.enumerated() {
      let expected = Float(Float16(bitPattern: UInt16(pattern)))
      if expected.isNaN { #expect(value.isNaN) } else { #expect(value.bitPattern == expected.bitPattern) }
    }
  }

  @Test("finite means neither infinite nor NaN")
  func finite() {
    #expect(Tensor([0, -1, .greatestFiniteMagnitude], shape: [3]).isFinite)
    for bad in [Float.nan, .infinity, -.infinity] {
      var values = [Float](repeating: 1, count: 70)
      values[69] = bad
      #expect(!Tensor(values, shape: [7, 10]).isFinite)
    }
    #expect(Tensor([], shape: [0]).isFinite)
  }

  @Test("slices and other shapes look at the same memory; a copy does not")
  func views() {
    let x = Tensor((0..<12).map(Float.init), shape: [4, 3])
    #expect(x.rowSlice(1..<3).values == [3, 4, 5, 6, 7, 8])
    #expect(x.reshaped([2, 6]).rowSlice(1..<2).values == [6, 7, 8, 9, 10, 11])
    let copy = x.copied()
    copy.floats[0] = 99
    #expect(x.values[0] == 0)
    x.rowSlice(0..<1).floats[0] = 5
    #expect(x.values[0] == 5)
  }
}
