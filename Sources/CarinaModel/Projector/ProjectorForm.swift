/// What a projector is made of.
public enum ProjectorForm: String, CaseIterable, Sendable {
  /// Linear, GELU by the error function, Linear, with a hidden width of its own.
  case mlp
  /// The same with the decoder's width as hidden width (Liu et al. 2023, LLaVA-1.5's `mlp2x_gelu`).
  case mlp2x
  /// Averages over blocks of the patch grid, an RMS norm and a matrix (Gemma Team 2025).
  case gemma3
}
