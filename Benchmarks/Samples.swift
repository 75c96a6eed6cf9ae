import Carina

/// Numbers to compute with.
enum Samples {
  /// fp32 numbers in [-1, 1), the same in every run.
  static func tensor(_ shape: [Int]) -> Tensor {
    var generator = SeededGenerator(seed: 1, stream: "benchmark")
    let block = (0..<4096).map { _ in Float(generator.uniform(in: -1..<1)) }
    let result = Tensor(uninitialized: shape)
    for index in 0..<result.count { result.floats[index] = block[index & 4095] }
    return result
  }

  /// A weight of such numbers.
  static func weight(_ shape: [Int], _ type: ElementType, isTrained: Bool = false) -> Parameter {
    let parameter = Parameter(name: "benchmark", value: tensor(shape).converted(to: type), decays: true)
    parameter.setTrainable(isTrained)
    return parameter
  }
}
