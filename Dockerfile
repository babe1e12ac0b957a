# The image of a release: the three tools, which need nothing else, and a place for
# temporary files. No shell, no package manager, no root. The certificates of public
# servers are in the tools. goreleaser puts them into the context of the build, by
# platform; internal/release/image.sh builds and tries it.
#
#   docker run --rm -i -e COMET_EXPORT_API_KEY ghcr.io/comet-stream/comet-stream comet-export acme > acme.comet.zst
FROM scratch
ARG TARGETPLATFORM
COPY --chown=65532:65532 internal/release/image /
COPY $TARGETPLATFORM/comet-export $TARGETPLATFORM/comet-filter $TARGETPLATFORM/comet-import /usr/bin/
ENV PATH=/usr/bin
USER 65532:65532
WORKDIR /data
CMD ["comet-export", "-h"]
