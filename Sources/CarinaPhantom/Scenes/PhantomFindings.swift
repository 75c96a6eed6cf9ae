/// What there is to report: each finding with its position and size.
package struct PhantomFindings: Codable, Hashable, Sendable {
  /// Whether the heart is enlarged.
  package var cardiomegaly = false
  /// Pleural fluid.
  package var effusion: PhantomEffusion?
  /// The side on which air is between lung and chest wall.
  package var pneumothorax: PhantomSide?
  /// The zone that is consolidated.
  package var consolidation: PhantomZone?
  /// The zone in which a nodule lies.
  package var nodule: PhantomZone?
  /// The device.
  package var device: PhantomDevice?

  /// Nothing found and no device.
  package init() {}

  /// The names of what is found, in the order of an impression; a device is no abnormality.
  package var abnormalities: [String] {
    var names: [String] = []
    if cardiomegaly { names.append("cardiomegaly") }
    if consolidation != nil { names.append("consolidation") }
    if nodule != nil { names.append("pulmonary nodule") }
    if effusion != nil { names.append("pleural effusion") }
    if pneumothorax != nil { names.append("pneumothorax") }
    return names
  }
}
