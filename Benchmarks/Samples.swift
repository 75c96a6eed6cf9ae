import Carina

/// Numbers to compute with.
enum Samples {
  /// What operations are measured on.
  static let backend = CPUBackend()

  /// fp32 numbers in [-1, 1), the same in every run.
  static func tensor(_ shape: [Int], on backend: any Backend = backend) -> Tensor {
    var generator = SeededGenerator(seed: 1, stream: "benchmark")
    let block = (0..<4096).map { _ in Float(generator.uniform(in: -1..<1)) }
    return Tensor(shape, on: backend) { bytes in
      let numbers = bytes.bindMemory(to: Float.self)
      for index in numbers.indices { numbers[index] = block[index & 4095] }
    }
  }

  /// A weight of such numbers.
  static func weight(_ shape: [Int], _ type: ElementType, isTrained: Bool = false) -> Parameter {
    let parameter = Parameter(name: "benchmark", value: tensor(shape).converted(to: type), decays: true)
    parameter.setTrainable(isTrained)
    return parameter
  }
}
