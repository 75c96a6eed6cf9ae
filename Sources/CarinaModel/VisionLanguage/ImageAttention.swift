/// How the rows of an image attend to each other in the decoder.
package enum ImageAttention: String, CaseIterable, Sendable {
  /// Each row sees those before it, as text does.
  case causal
  /// The rows of one image see each other both ways, as in Gemma 3's joined checkpoints.
  case mutual
}
