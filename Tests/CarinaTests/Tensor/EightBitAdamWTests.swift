import Foundation
import TestSupport
import Testing

import Carina

/// Against bitsandbytes (Tests/Reference/make_adamw8bit_goldens.py).
@Suite("AdamW with moments in 8 bits") struct EightBitAdamWTests {
  private let golden: SafetensorsFile

  init() throws { golden = try SafetensorsFile(path: ParityGolden.path("training/adamw8bit.safetensors")) }

  private func values(_ name: String) throws -> [Float] { try golden.tensor(named: name).values }

  private func codes(_ tensor: Tensor) -> [UInt8] { tensor.withHostBytes { Array($0) } }

  private func setGradient(_ gradient: Tensor, of parameter: Parameter) {
    parameter.clearGradient()
    let tape = Tape()
    tape.backward(from: embedding(Array(0..<parameter.shape[0]), parameter, tape: tape), seed: gradient)
  }

  @Test("the codes mean what they mean in bitsandbytes")
  func tables() throws {
    for (name, table) in [("signed", DynamicCodes.signed), ("unsigned", .unsigned)] {
      expectClose(table.values, try values(name), relative: 1e-7, name)
      #expect(table.values == table.values.sorted() && table.values.contains(0) && table.values.last == 1)
    }
  }

  @Test("the code of a number is that of the nearest value, over all powers of ten and next to every bound")
  func nearest() {
    for table in [DynamicCodes.signed, .unsigned] {
      var generator = SeededGenerator(seed: 7, stream: "codes"), numbers: [Float] = [0, -0.0, 1, 1e-30, 2, 3e-7]
      for _ in 0..<20_000 { numbers.append(Float(pow(10, generator.uniform(in: -9..<0)))) }
      for (one, next) in zip(table.values, table.values.dropFirst()) {
        let middle = (one + next) / 2
        numbers += [one, middle.nextDown, middle.nextUp, middle]
      }
      if table.values[0] < 0 { numbers += numbers.map { -$0 } }
      for number in numbers {
        let code = Int(table.code(of: number))
        let least = table.values.map { abs(Double($0) - Double(number)) }.min() ?? 0
        #expect(abs(Double(table.values[code]) - Double(number)) <= least + 2e-7 * abs(Double(number)), "\(number)")
      }
    }
  }

  @Test("six steps are those of bitsandbytes, with blocks of zeros, an unfinished block, and a small weight in fp32")
  func steps() throws {
    let rates = try values("rate")
    for name in ["large", "small"] {
      let parameter = Parameter(name: name, value: try golden.tensor(named: "\(name).start").copied(), decays: true)
      parameter.setTrainable(true)
      let gradients = try golden.tensor(named: "\(name).gradient"), weights = try values("\(name).weight")
      let optimizer = AdamW(.adamw8bit, weightDecay: 0.1)
      for (step, rate) in rates.enumerated() {
        let range = step * parameter.count..<(step + 1) * parameter.count
        setGradient(gradients.elementSlice(range).reshaped(parameter.shape), of: parameter)
        optimizer.step([parameter], rate: Double(rate), norm: 1, maximumNorm: 0)
        expectClose(parameter.value.values, Array(weights[range]), relative: 1e-6, "\(name), step \(step)")
      }
      let moments = try #require(optimizer.moments[name])
      guard let scales = moments.scales else {
        #expect(name == "small")
        expectClose(moments.first.values, try values("small.first"), relative: 1e-6)
        expectClose(moments.second.values, try values("small.second"), relative: 1e-6)
        continue
      }
      #expect(name == "large" && moments.steps == rates.count)
      for (suffix, found, scale) in [("first", moments.first, scales.first), ("second", moments.second, scales.second)]
      {
        let entry = try #require(golden.entry(named: "large.\(suffix)"))
        let expected = golden.withBytes(of: entry) { Array($0) }, largest = try values("large.\(suffix).absmax")
        expectClose(scale.values, largest, relative: 1e-6, suffix)
        // A block of zeros may have any code.
        let different = zip(codes(found), expected).enumerated().filter { index, pair in
          pair.0 != pair.1 && largest[index / EightBitMoments.blockSize] > 0
        }
        #expect(different.isEmpty, "\(different.count) codes of the \(suffix) moment")
      }
    }
  }

  @Test("the bits are the same for any number of threads, and a bf16 weight follows its fp32 twin")
  func threads() {
    func run(_ threads: Int, _ type: ElementType) -> (weights: Tensor, first: [UInt8], second: [UInt8]) {
      withThreads(threads) {
        let parameter = Parameter.random("w", [301, 257], seed: 5, type: type),
          optimizer = AdamW(
            .adamw8bit, weightDecay: 0.1)
        for step in 1...3 {
          setGradient(Tensor.random(parameter.shape, seed: UInt64(step), in: -0.01..<0.02), of: parameter)
          optimizer.step([parameter], rate: 1e-3, norm: 1, maximumNorm: 0)
        }
        let moments = optimizer.moments["w"]
        return (
          parameter.trainedValue, codes(moments?.first ?? parameter.value), codes(moments?.second ?? parameter.value)
        )
      }
    }
    for type in [ElementType.float32, .bfloat16] {
      let one = run(1, type)
      for threads in [2, 3] {
        let other = run(threads, type)
        expectSameBits(one.weights, other.weights)
        #expect(one.first == other.first && one.second == other.second)
      }
    }
    // Gradients do not depend on the weight here, so neither do moments.
    #expect(run(2, .float32).first == run(2, .bfloat16).first)
  }

  @Test("a block of numbers too small to divide by is zero, and what follows is finite")
  func tiny() throws {
    let parameter = Parameter.random("w", [64, 64], seed: 6), optimizer = AdamW(.adamw8bit, weightDecay: 0)
    let before = parameter.value.copied()
    for size in [Float(1e-38), 1e-22, 1e-30] {
      setGradient(Tensor([Float](repeating: size, count: 4096), shape: [64, 64]), of: parameter)
      optimizer.step([parameter], rate: 1e-3, norm: 1, maximumNorm: 0)
    }
    #expect(parameter.value.isFinite)
    #expect(try #require(optimizer.moments["w"]?.scales).second.values.allSatisfy { $0 == 0 })
    expectClose(parameter.value.values, before.values, relative: 1e-6)
  }
}
