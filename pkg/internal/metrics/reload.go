package metrics

// ReloadErrors counts the changes of a file, named by its setting, that could not be used.
func (m *Metrics) ReloadErrors(file string) *Counter { return counterOf(m.reloadErrors, file) }

func (m *Metrics) registerReload(f factory) {
	m.reloadErrors = f.counterVec("reload_errors_total",
		"Changes of files that could not be used, by the setting that names the file.", "file")
}
