import Carina

extension Parameter {
  /// The fp32 numbers that the optimizer changes, of the parameter's shape.
  public var trainedValue: Tensor { TensorSource(trainedValueOf: self).whole }
}
