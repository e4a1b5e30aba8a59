# The headless server and its tools: `docker build -t mostrador .`, then `docker run mostrador serve`.
FROM python:3.13-slim AS build
COPY . /src
RUN pip install --no-cache-dir --prefix=/installed --require-hashes -r /src/.ci/requirements.txt \
    && pip install --no-cache-dir --prefix=/installed --no-deps /src

FROM python:3.13-slim
COPY --from=build /installed /usr/local
# New volumes take their owner from these directories.
RUN useradd --system --uid 10001 mostrador && install -d -m 700 -o mostrador /var/lib/mostrador /var/lib/mostrador/nats
USER mostrador
WORKDIR /var/lib/mostrador
ENV SERVER_HOST=0.0.0.0 SIGNING_KEY_FILE=/var/lib/mostrador/signing-key.pem
EXPOSE 8000
ENTRYPOINT ["mostrador"]
CMD ["serve"]
