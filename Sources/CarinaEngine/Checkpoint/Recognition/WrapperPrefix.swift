/// What tools that wrap a model leave before the names of all its tensors.
///
/// Known are `base_model.model.` (PEFT), `module.` (PyTorch's data parallelism) and `_orig_mod.` (torch.compile), alone
/// or up to three one behind the other. They are taken off where all tensors have them; where only some have, or an
/// unmerged adapter lies among the weights, nothing is.
enum WrapperPrefix {
  private static let wrappers = ["base_model.model.", "module.", "_orig_mod."]
  private static let most = 3

  /// What stands before all of the names; empty where nothing does.
  static func common(to names: [String]) -> String {
    guard let first = names.first, UnfinishedWeights.adapterTensor(names) == nil else { return "" }
    var prefix = ""
    for _ in 0..<most {
      guard let next = wrappers.first(where: { first.dropFirst(prefix.count).hasPrefix($0) }),
        names.allSatisfy({ $0.hasPrefix(prefix + next) })
      else { break }
      prefix += next
    }
    return prefix
  }
}
