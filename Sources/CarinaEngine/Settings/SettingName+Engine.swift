import CarinaRuntime

/// Settings of programs that are no values of a list, and of which the engine speaks.
extension SettingName {
  /// The directory of a run.
  package static let outputDirectory = SettingName("output_dir")
  /// Whether a run goes on from a checkpoint.
  package static let resume = TrainingSettingList.declared.resume.name
  /// What changes the weights.
  package static let optimizer = TrainingSettingList.declared.optimizer.name
  /// Whether a run goes on with changed options.
  package static let resumeAnyway = TrainingSettingList.declared.goesOnAnyway.name
  /// Whether a run is repeated with other data or weights.
  package static let configAnyway = SettingName("config_anyway")
  /// The decoder of a training run.
  package static let languageModel = SettingName("llm")
  /// The decoder that answers.
  package static let languageModelPath = SettingName("llm_path")
  /// The projector that answers.
  package static let projectorPath = SettingName("projector_path")
  /// Whether the projector is trained in stage 2.
  package static let unfreezeProjector = SettingName("unfreeze_projection_layer")
  /// Whether the decoder is trained in stage 2.
  package static let unfreezeLanguageModel = SettingName("unfreeze_llm")
  /// Whether the decoder's table of token embeddings stays frozen.
  package static let freezeEmbeddings = SettingName("freeze_embeddings")
  /// Whether the vision encoder is trained in the first epoch.
  package static let trainVisionFirstEpoch = SettingName("train_ve_first_epoch")
  /// Whether blocks run again in the backward pass.
  package static let gradientCheckpointing = ComputingSettingList.declared.gradientCheckpointing.name
  /// The most memory to plan for.
  package static let memoryLimit = ComputingSettingList.declared.memoryLimit.name
  /// In which precision weights are held.
  package static let precision = ComputingSettingList.declared.precision.name
  /// The file of kept vision features.
  package static let visionFeatureCache = SettingName("cache_vision_features")
  /// How the decoder's matrices are held that answers.
  package static let weights = SettingName("weights")
  /// The file of the decoder's matrices in 8 bits.
  package static let quantizedWeightsFile = SettingName("cache_int8_weights")
  /// Whose pixels an evaluation shows.
  package static let arms = SettingName("arms")
  /// Shards to validate on.
  package static let validationShards = SettingName("val_shards")
  /// Whether models that are not in the cache are fetched.
  package static let download = SettingName("download")
  /// A joined model: a directory or an id.
  package static let checkpoint = SettingName("checkpoint")
}
