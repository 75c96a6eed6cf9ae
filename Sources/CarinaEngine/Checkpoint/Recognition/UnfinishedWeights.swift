/// Recognises by the names of its tensors a model that a tool has left in a form of its own.
enum UnfinishedWeights {
  /// What to do about it; nil where no name says so.
  /// - Parameter names: the tensors that the model does not know.
  static func remedy(_ names: [String]) -> String? {
    if let name = adapterTensor(names) {
      return "An adapter lies beside the weights that it changes, not merged into them (\(name)): merge it with the "
        + "library that made it (PEFT: merge_and_unload), and save the model again."
    }
    if let name = names.first(where: { name in quantizedMarks.contains { name.contains($0) } }) {
      return "The weights are quantised (\(name)), which is not read here: take the model that they were made from."
    }
    return nil
  }

  /// The first tensor of an adapter among the names.
  static func adapterTensor(_ names: [String]) -> String? {
    names.first { name in adapterMarks.contains { name.contains($0) } }
  }

  /// PEFT's layers, as `state_dict` names them.
  private static let adapterMarks = [".lora_A.", ".lora_B.", ".base_layer.", ".modules_to_save.", ".original_module."]
  /// bitsandbytes, GPTQ and AWQ, compressed-tensors.
  private static let quantizedMarks = [
    ".absmax", ".quant_state.", ".quant_map", ".SCB", ".qweight", ".qzeros", ".weight_packed", ".weight_scale",
  ]
}
