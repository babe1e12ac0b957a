# The image of a release: the three tools, which need nothing else, the certificates of
# public servers, and a place for temporary files. No shell, no package manager, no root.
# goreleaser puts the tools into the context of the build, by platform.
#
#   docker run --rm -i -e COMET_EXPORT_API_KEY ghcr.io/comet-stream/comet-stream comet-export acme > acme.comet.zst
FROM --platform=$BUILDPLATFORM alpine:3.22 AS parts
RUN mkdir /empty

FROM scratch
ARG TARGETPLATFORM
COPY --from=parts /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=parts --chown=65532:65532 /empty /tmp
COPY --from=parts --chown=65532:65532 /empty /data
COPY $TARGETPLATFORM/comet-export $TARGETPLATFORM/comet-filter $TARGETPLATFORM/comet-import /usr/bin/
ENV PATH=/usr/bin
USER 65532:65532
WORKDIR /data
CMD ["comet-export", "-h"]
