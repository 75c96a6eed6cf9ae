import CarinaModel
import CarinaRuntime

/// Which vision features the projector reads.
public typealias FeatureSettings = SettingValues<FeatureSettingList>
