package comettest

// artifactAsset finds a file of an artifact version: this server has none.
func (c *call) artifactAsset(id string) (*asset, error) {
	return nil, notFound("asset %q does not exist", id)
}

// addArtifactFile attaches a file to an artifact version: this server has none.
func (c *call) addArtifactFile(a *asset) error {
	return notFound("artifact version %q does not exist", a.versionID).withCode(codeNoArtifactVersion)
}
