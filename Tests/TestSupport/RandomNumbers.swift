import Carina

extension Tensor {
  /// fp32 numbers drawn evenly from `range`; equal seed and shape give equal numbers.
  public static func random(_ shape: [Int], seed: UInt64, in range: Range<Double> = -1..<1) -> Tensor {
    var generator = SeededGenerator(seed: seed, stream: "test tensor")
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(generator.uniform(in: range)) }, shape: shape)
  }
}

extension Parameter {
  /// A weight of random numbers, trainable unless said otherwise.
  public static func random(
    _ name: String, _ shape: [Int], seed: UInt64, in range: Range<Double> = -1..<1, type: ElementType = .float32,
    trainable: Bool = true, decays: Bool = true
  ) -> Parameter {
    let value = Tensor.random(shape, seed: seed, in: range).converted(to: type)
    let parameter = Parameter(name: name, value: value, decays: decays)
    parameter.setTrainable(trainable)
    return parameter
  }
}
