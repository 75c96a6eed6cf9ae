import Carina

/// Numbers to compute with, on one device.
struct Samples {
  /// What is measured.
  let backend: any Backend

  /// fp32 numbers in [-1, 1), the same in every run.
  func tensor(_ shape: [Int]) -> Tensor {
    var generator = SeededGenerator(seed: 1, stream: "benchmark")
    let block = (0..<4096).map { _ in Float(generator.uniform(in: -1..<1)) }
    return Tensor(shape, on: backend) { bytes in
      let numbers = bytes.bindMemory(to: Float.self)
      for index in numbers.indices { numbers[index] = block[index & 4095] }
    }
  }

  /// Such numbers in the type in which the device keeps what operations give.
  func activations(_ shape: [Int]) -> Tensor { tensor(shape).converted(to: backend.activations) }

  /// A weight of such numbers.
  func weight(_ shape: [Int], _ type: ElementType, isTrained: Bool = false) -> Parameter {
    let parameter = Parameter(name: "benchmark", value: tensor(shape).converted(to: type), decays: true)
    parameter.setTrainable(isTrained)
    return parameter
  }
}
