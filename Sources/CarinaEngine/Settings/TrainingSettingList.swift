import CarinaRuntime

/// What the settings of a training run are.
public struct TrainingSettingList: SettingList {
  /// The declarations.
  public static let declared = TrainingSettingList()

  /// Samples of a micro-batch.
  public let batchSize = Setting("batch_size", 8, .atLeast(1), help: "Samples of a micro-batch.", section: .stage)
  /// Micro-batches of an optimizer step.
  public let gradientAccumulationSteps = Setting(
    "gradient_accumulation_steps", 1, .atLeast(1), help: "Micro-batches of an optimizer step.", section: .stage)
  /// Learning rate at the end of the warm-up.
  public let learningRate = Setting(
    "learning_rate", 1e-4, .notNegative, help: "Peak learning rate.", section: .stage)
  /// Decay of weights, in parts of the learning rate.
  public let weightDecay = Setting(
    "weight_decay", 0.01, .notNegative, help: "Decay of weights other than norms and biases.", section: .optimization)
  /// The part of the run that is warm-up.
  public let warmupRatio = Setting(
    "warmup_ratio", 0.03, .part,
    help: "Part of the optimizer steps that is warm-up (default: 0 in stage 1, 0.05 in stage 2).",
    section: .optimization, showsDefault: false)
  /// Steps that are warm-up, whatever the length of the run; nil leaves it to the ratio.
  public let warmupSteps = Setting<Int?>(
    "warmup_steps", nil, .optional(.atLeast(0)),
    help: "Optimizer steps that are warm-up, instead of a part of the run.",
    section: .optimization, record: .unlessDefault)
  /// How the rate goes on after the warm-up.
  public let rateShape = Setting(
    "lr_schedule", LearningRateShape.cosine, help: "The rate after the warm-up: cosine or linear to zero, or constant.",
    section: .optimization, record: .unlessDefault)
  /// What changes the weights.
  public let optimizer = Setting(
    "optimizer", OptimizerChoice.adamw,
    help: "adamw, or adamw8bit, which keeps its moments in 8 bits (2 bytes a weight instead of 8).",
    record: .unlessDefault)
  /// How many steps in a row may be left out because their gradient is not finite.
  public let maximumSkippedSteps = Setting(
    "max_skipped_steps", 5, .atLeast(0),
    help: "Steps in a row that may be skipped because a loss or gradient is not finite, before the run stops.",
    section: .optimization, record: .unlessDefault)
  /// Passes over the data.
  public let epochCount = Setting("num_epochs", 1, .atLeast(1), help: "Passes over the data.", section: .stage)
  /// A limit in optimizer steps, at which the schedule ends too; nil for none.
  public let maximumSteps = Setting<Int?>(
    "max_steps", nil, .optional(.atLeast(1)), help: "Stop after so many optimizer steps.", section: .optimization)
  /// Largest global norm of the gradients; 0 for no limit.
  public let maximumGradientNorm = Setting(
    "max_grad_norm", 1.0, .notNegative, help: "Largest global norm of the gradients; 0 for no limit.",
    section: .optimization)
  /// The projector's own learning rate; nil for the run's, and 0 freezes it.
  public let projectorRate = Setting<Double?>(
    "projector_lr", nil, .optional(.notNegative),
    help: "Peak learning rate of a projector that is trained whole (default: the run's); 0 freezes it.",
    section: .optimization, record: .unlessDefault)
  /// The vision encoder's own learning rate; nil for the run's, and 0 freezes it.
  public let visionRate = Setting<Double?>(
    "vision_lr", nil, .optional(.notNegative),
    help: "Peak learning rate of a vision encoder that is trained (default: the run's); 0 freezes it.",
    section: .optimization, record: .unlessDefault)
  /// Whether the log has the gradient's noise.
  public let measuresGradientNoise = Setting(
    "gradient_noise", false,
    help:
      "Write the gradient's noise scale (McCandlish et al. 2018) into the log, of all weights and of each component; "
      + "needs two micro-batches a step.", section: .optimization, record: .never)
  /// The part of each target that is spread over all tokens.
  public let labelSmoothing = Setting(
    "label_smoothing", 0.0, .part, help: "Part of each target that is spread evenly over all tokens.",
    section: .optimization, record: .unlessDefault)
  /// Where all randomness comes from.
  public let seed = Setting<UInt64>(
    "seed", 0, help: "Seed of the order of samples and of fresh weights.", section: .order)
  /// Whether each epoch takes the samples in an order of its own.
  public let isShuffled = Setting(
    "shuffle", true, help: "Take the samples in the order of the shards.", section: .order)
  /// Whether each epoch leaves out what does not fill a micro-batch.
  public let dropsLast = Setting(
    "drop_last", false, help: "Leave out an epoch's last micro-batch where it is not full.", section: .order,
    record: .unlessDefault)
  /// Whether each step takes samples that are about as long as each other.
  public let bucketsByLength = Setting(
    "length_bucketing", false,
    help: "Take samples of like lengths together: shuffled, then sorted by length within at most 50 steps at a time.",
    section: .order, record: .unlessDefault)
  /// Whether the run goes on from a checkpoint.
  public let resume = Setting(
    "resume", ResumePolicy.automatic,
    help: "auto goes on from the newest checkpoint, never starts afresh, or a checkpoint directory.", section: .order,
    record: .never)
  /// Whether the run goes on although options were changed that decide its numbers.
  public let goesOnAnyway = Setting(
    "resume_anyway", false,
    help: "Go on although options were changed that decide the numbers; run.json records the change and its step.",
    section: .order, record: .never)
  /// A checkpoint every so many optimizer steps; nil for none on that account.
  public let saveEverySteps = Setting<Int?>(
    "save_every_n_steps", nil, .optional(.atLeast(1)), help: "Write a checkpoint every so many optimizer steps.",
    section: .checkpoints, record: .never)
  /// A checkpoint every so many epochs; nil for none on that account.
  public let saveEveryEpochs = Setting<Int?>(
    "save_every_n_epochs", nil, .optional(.atLeast(1)), help: "Write a checkpoint every so many epochs.",
    section: .checkpoints, record: .never)
  /// A checkpoint whenever so much time has passed since the last one, or every so many steps.
  public let saveEvery = Setting(
    "save_every", SaveInterval.seconds(600),
    help: "Write a checkpoint when so much time has passed since the last (30s, 10min, 2h), every N steps, or never.",
    record: .never)
  /// Whether the log is written for TensorBoard too.
  public let writesTensorBoard = Setting(
    "tensorboard", false, help: "Write the log for TensorBoard too, into tensorboard/ of the output directory.",
    record: .never)
  /// The project of an offline run of Weights & Biases; nil for none.
  public let wandbProject = Setting<String?>(
    "wandb_project", nil,
    .optional(
      SettingRange("a name of 1 to 128 characters without / \\ # ? % :") {
        (1...128).contains($0.count) && !$0.contains { "/\\#?%:".contains($0) }
      }),
    help: "Write the log as an offline run of this project too, into wandb/, for wandb sync; nothing is sent.",
    record: .never, valueName: "name")
  /// Steps between progress lines where there is no terminal; nil for a line every ten seconds.
  public let logEvery = Setting<Int?>(
    "log_every", nil, .optional(.atLeast(1)),
    help: "Without a terminal, a progress line every N optimizer steps (default: every ten seconds).",
    record: .never, valueName: "N")
}
