/// Which images of a study are taken.
public enum ViewPolicy: String, CaseIterable, Sendable {
  /// All.
  case all
  /// Those known to be frontal (PA or AP); images whose view is unknown are left out.
  case frontal
  /// Those known to be lateral.
  case lateral
  /// One of each study: PA before AP before unknown before lateral, ties by the least image id. Images that name no
  /// study are all taken.
  case best
  /// All images of a study in each of the samples that `best` takes of it, the best view first. Images that name no study
  /// are taken one by one.
  case allInOne = "all-in-one"
}
